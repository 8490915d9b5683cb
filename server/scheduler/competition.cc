#include "server/scheduler/competition.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "server/scheduler/job_costs.h"
#include "server/scheduler/promises.h"

namespace cascade {
namespace {

int RankOf(const Job& job) { return kNumPriorities - 1 - job.priority(); }

absl::Duration Sum(const std::vector<absl::Duration>& durations) {
  absl::Duration sum;
  for (const absl::Duration duration : durations) sum += duration;
  return sum;
}

// Measures what is left of jobs in the stages that some lanes run.
class WorkMeter {
 public:
  WorkMeter(const StageTable& table, std::set<int> lanes)
      : table_(table), lanes_(std::move(lanes)) {}

  absl::Duration Left(const Job& job) {
    const std::vector<absl::Duration>& row_times = RowTimes(job);
    absl::Duration work;
    for (const Image& image : job.images) {
      if (image.place == ImagePlace::kGone) continue;
      for (int k = image.stage; k <= job.request.target_stage; ++k) {
        const size_t at = static_cast<size_t>(k);
        const int line = k == image.stage ? image.line : 0;
        work += job.stages[at].rows_left(line) * row_times[at];
      }
    }
    return work;
  }

 private:
  // By stage of the job's cascade; zero where other lanes run it.
  const std::vector<absl::Duration>& RowTimes(const Job& job) {
    std::vector<absl::Duration>& times = row_times_[job.cascade];
    // Of any job of the cascade, as many as it has stages at most.
    for (size_t k = times.size(); k < job.stages.size(); ++k) {
      const StageId stage = {job.cascade, static_cast<int>(k)};
      times.push_back(table_.RunsOn(stage, lanes_) ? table_.RowTime(stage)
                                                   : absl::ZeroDuration());
    }
    return times;
  }

  const StageTable& table_;
  const std::set<int> lanes_;
  std::map<CascadeId, std::vector<absl::Duration>> row_times_;
};

}  // namespace

Competition::Competition(const ImageBoard& board, const Job& newcomer)
    : board_(board),
      newcomer_(newcomer),
      work_(WorkByStage(board.table(), newcomer)) {
  const int first = newcomer.request.first_stage;
  const int last = newcomer.request.target_stage;
  const StageTable& table = board.table();
  lanes_ = table.Parallelism(newcomer.cascade, first, last, work_);
  WorkMeter meter(table, table.LanesOf(newcomer.cascade, first, last));
  for (const auto& [id, job] : board.jobs()) {
    if (job->ended) continue;
    const absl::Duration work = meter.Left(*job);
    if (work > absl::ZeroDuration()) rivals_.push_back({job.get(), work});
  }
}

Forecast Competition::Foresee(const FairShare& tenants) const {
  std::vector<JobWork> others;
  for (const Rival& rival : rivals_) {
    others.push_back({.rank = RankOf(*rival.job),
                      .tenant = rival.job->tenant,
                      .due = rival.job->due,
                      .work = rival.work});
  }
  std::vector<double> weights;
  for (int i = 0; i < tenants.num_tenants(); ++i) {
    weights.push_back(tenants.limits(i).weight);
  }
  return Predict({.others = others,
                  .self = {.rank = RankOf(newcomer_),
                           .tenant = newcomer_.tenant,
                           .due = newcomer_.due,
                           .work = Sum(work_)},
                  .unloaded = UnloadedTime(board_.table(), newcomer_),
                  .loaded = LoadedTime(board_.table(), newcomer_),
                  .lanes = lanes_,
                  .weights = weights});
}

bool Competition::DelaysOthers(absl::Time now) const {
  std::vector<Promise> promises;
  for (const Rival& rival : rivals_) {
    // Of those that are not its peers only the work ahead of them counts.
    promises.push_back({.rank = RankOf(*rival.job),
                        .due = rival.job->due,
                        .work = rival.work,
                        .deadline = IsPeer(*rival.job)
                                        ? rival.job->request.deadline
                                        : absl::InfiniteFuture()});
  }
  return BreaksPromise(
      std::move(promises),
      {.rank = RankOf(newcomer_), .due = newcomer_.due, .work = Sum(work_)},
      lanes_, now);
}

absl::Time Competition::LastPromise() const {
  absl::Time last = absl::InfinitePast();
  for (const Rival& rival : rivals_) {
    const bool is_promised = IsPeer(*rival.job) && rival.job->request.deadline <
                                                       absl::InfiniteFuture();
    if (is_promised) last = std::max(last, rival.job->due);
  }
  return last;
}

bool Competition::IsPeer(const Job& job) const {
  return job.priority() == newcomer_.priority() &&
         job.tenant == newcomer_.tenant;
}

absl::Duration Backlog(const ImageBoard& board, CascadeId cascade,
                       int num_stages) {
  const std::set<int> lanes = board.table().LanesOf(cascade, 0, num_stages - 1);
  WorkMeter meter(board.table(), lanes);
  absl::Duration work;
  for (const auto& [id, job] : board.jobs()) work += meter.Left(*job);
  return work / static_cast<double>(std::max<size_t>(lanes.size(), 1));
}

}  // namespace cascade
