#include "server/scheduler/job_costs.h"

#include <algorithm>
#include <utility>

#include "server/scheduler/promises.h"

namespace cascade {
namespace {

int RankOf(const Job& job) { return kNumPriorities - 1 - job.priority(); }

absl::Duration WorkLeft(const ImageBoard& board, const Job& job) {
  absl::Duration work;
  for (const Image& image : job.images) {
    if (image.place != ImagePlace::kGone) work += board.PathWork(image);
  }
  return work;
}

absl::Duration Sum(const std::vector<absl::Duration>& durations) {
  absl::Duration sum;
  for (const absl::Duration duration : durations) sum += duration;
  return sum;
}

}  // namespace

absl::Duration UnloadedLeft(const StageTable& table, const Image& image) {
  const Job& job = *image.job;
  absl::Duration left;
  for (int k = image.stage; k <= job.request.target_stage; ++k) {
    const StageRun& run = job.stages[static_cast<size_t>(k)];
    const int line = k == image.stage ? image.line : 0;
    const StageId stage = {job.cascade, k};
    left += run.single_lines_left(line) * table.StepTime(stage, 1);
    left += run.double_lines_left(line) * table.StepTime(stage, 2);
  }
  return left;
}

absl::Duration JobStepTime(const StageTable& table, const Job& job, int stage) {
  const StageId id = {job.cascade, stage};
  const StageRun& run = job.stages[static_cast<size_t>(stage)];
  const int lanes = std::max(table.lanes_of(id), 1);
  const int images = (job.request.image_count + lanes - 1) / lanes;
  const absl::Duration lines =
      run.single_lines_left(0) * table.StepTime(id, images) +
      run.double_lines_left(0) * table.StepTime(id, 2 * images);
  return lines / run.num_lines();
}

absl::Duration UnloadedTime(const StageTable& table, const Job& job) {
  absl::Duration time;
  for (int k = job.request.first_stage; k <= job.request.target_stage; ++k) {
    time += job.stages[static_cast<size_t>(k)].num_lines() *
            JobStepTime(table, job, k);
  }
  return time;
}

absl::Duration LoadedTime(const StageTable& table, const Job& job) {
  absl::Duration time;
  for (int k = job.request.first_stage; k <= job.request.target_stage; ++k) {
    time += job.stages[static_cast<size_t>(k)].num_lines() *
            std::max(JobStepTime(table, job, k),
                     table.FullStepTime({job.cascade, k}));
  }
  return time;
}

std::vector<absl::Duration> WorkByStage(const StageTable& table,
                                        const Job& job) {
  std::vector<absl::Duration> work;
  for (int k = job.request.first_stage; k <= job.request.target_stage; ++k) {
    work.push_back(job.request.image_count *
                   job.stages[static_cast<size_t>(k)].rows_left(0) *
                   table.RowTime({job.cascade, k}));
  }
  return work;
}

Forecast ForecastJob(const ImageBoard& board, const FairShare& tenants,
                     const Job& job) {
  std::vector<JobWork> others;
  for (const auto& [id, other] : board.jobs()) {
    if (other->ended) continue;
    others.push_back({.rank = RankOf(*other),
                      .tenant = other->tenant,
                      .due = other->due,
                      .work = WorkLeft(board, *other)});
  }
  std::vector<double> weights;
  for (int i = 0; i < tenants.num_tenants(); ++i) {
    weights.push_back(tenants.limits(i).weight);
  }
  const std::vector<absl::Duration> work = WorkByStage(board.table(), job);
  return Predict(
      {.others = others,
       .self = {.rank = RankOf(job),
                .tenant = job.tenant,
                .due = job.due,
                .work = Sum(work)},
       .unloaded = UnloadedTime(board.table(), job),
       .loaded = LoadedTime(board.table(), job),
       .lanes = board.table().Parallelism(job.cascade, job.request.first_stage,
                                          job.request.target_stage, work),
       .weights = weights});
}

bool DelaysOthers(const ImageBoard& board, const Job& job, absl::Time now) {
  std::vector<Promise> jobs;
  for (const auto& [id, other] : board.jobs()) {
    if (other->ended) continue;
    jobs.push_back({.rank = RankOf(*other),
                    .due = other->due,
                    .work = WorkLeft(board, *other),
                    .deadline = other->request.deadline});
  }
  const std::vector<absl::Duration> work = WorkByStage(board.table(), job);
  const double lanes = board.table().Parallelism(
      job.cascade, job.request.first_stage, job.request.target_stage, work);
  return BreaksPromise(std::move(jobs),
                       {.rank = RankOf(job), .due = job.due, .work = Sum(work)},
                       lanes, now);
}

absl::Time LastPromise(const ImageBoard& board) {
  absl::Time last = absl::InfinitePast();
  for (const auto& [id, job] : board.jobs()) {
    const bool promised =
        !job->ended && job->request.deadline < absl::InfiniteFuture();
    if (promised) last = std::max(last, job->due);
  }
  return last;
}

std::vector<StageLoad> StageLoads(const ImageBoard& board, CascadeId cascade,
                                  size_t num_stages) {
  std::vector<int64_t> rows(num_stages);
  for (const auto& [id, job] : board.jobs()) {
    if (job->cascade != cascade) continue;
    for (const Image& image : job->images) {
      if (image.place == ImagePlace::kGone) continue;
      for (int k = image.stage; k <= job->request.target_stage; ++k) {
        const int line = k == image.stage ? image.line : 0;
        rows[static_cast<size_t>(k)] +=
            job->stages[static_cast<size_t>(k)].rows_left(line);
      }
    }
  }
  std::vector<StageLoad> loads(num_stages);
  for (size_t k = 0; k < num_stages; ++k) {
    const StageId stage = {cascade, static_cast<int>(k)};
    loads[k].active = board.active(stage);
    loads[k].waiting = static_cast<int>(board.ready(stage).size());
    loads[k].credits = board.inbox(stage);
    loads[k].backlog = rows[k] * board.table().RowTime(stage) /
                       std::max(board.table().lanes_of(stage), 1);
  }
  return loads;
}

absl::Duration Backlog(const ImageBoard& board) {
  absl::Duration work;
  for (const auto& [id, job] : board.jobs()) work += WorkLeft(board, *job);
  return work / static_cast<double>(std::max(board.table().num_lanes(), 1));
}

}  // namespace cascade
