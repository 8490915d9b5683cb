#include "server/scheduler/job_costs.h"

#include <algorithm>

namespace cascade {
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

absl::Duration WorkBelow(const ImageBoard& board, const Job& job, int stage) {
  absl::Duration work;
  for (const Image& image : job.images) {
    if (image.place == ImagePlace::kGone) continue;
    // A step that is under way counts as done.
    const int next =
        image.line + (image.place == ImagePlace::kStepping ? 1 : 0);
    for (int k = image.stage; k < stage; ++k) {
      const int line = k == image.stage ? next : 0;
      work += job.stages[static_cast<size_t>(k)].rows_left(line) *
              board.table().RowTime({job.cascade, k});
    }
  }
  const int first = job.request.first_stage;
  const size_t lanes =
      board.table().LanesOf(job.cascade, first, stage - 1).size();
  return work / static_cast<double>(std::max<size_t>(lanes, 1));
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

}  // namespace cascade
