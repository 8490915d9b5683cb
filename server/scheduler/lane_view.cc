#include "server/scheduler/lane_view.h"

#include <algorithm>

namespace cascade {
namespace {

ImageView MakeImageView(const ImageBoard& board, const Image& image,
                        absl::Time waits_since, absl::Time now) {
  const Job& job = *image.job;
  return {.image = image.id,
          .rows = job.stages[static_cast<size_t>(image.stage)].rows(image.line),
          .stage_work = board.StageWork(image),
          .path_work = board.PathWork(image),
          .waited = now - waits_since};
}

StageView MakeStageView(const ImageBoard& board, int lane, StageId stage,
                        absl::Time now) {
  StageView view;
  view.stage = stage;
  view.curve = &board.limits(stage).curve;
  view.free_slots = board.free_slots(lane, stage);
  for (const Image* image : board.resident(lane, stage)) {
    view.resident.push_back(
        MakeImageView(board, *image, image->last_step, now));
  }
  // More than these cannot be taken at once.
  const size_t may_take = static_cast<size_t>(
      std::max(0, std::min(view.free_slots, view.curve->preferred_rows())));
  for (const auto& [id, image] : board.ready(stage)) {
    if (view.ready.size() == may_take) break;
    const absl::Time since =
        std::max(image->ready_since, board.last_take(stage));
    view.ready.push_back(MakeImageView(board, *image, since, now));
  }
  return view;
}

}  // namespace

int MayBegin(const ImageBoard& board, int max_in_flight) {
  return std::clamp(max_in_flight - board.in_flight(), 0, board.queued());
}

int NumReady(const ImageBoard& board, int max_in_flight) {
  return board.num_ready() - board.queued() + MayBegin(board, max_in_flight);
}

absl::Duration TotalWork(const ImageBoard& board) {
  absl::Duration work = board.ReadyWork();
  for (int lane = 0; lane < board.num_lanes(); ++lane) {
    work += board.LaneWork(lane);
  }
  return work;
}

LaneView MakeLaneView(const ImageBoard& board, int lane, int idle_lanes,
                      int max_in_flight, absl::Time now) {
  LaneView view;
  view.num_ready = NumReady(board, max_in_flight);
  view.may_begin = MayBegin(board, max_in_flight);
  view.idle_lanes = idle_lanes;
  view.num_images =
      board.num_resident(lane) +
      (view.num_ready + board.num_lanes() - 1) / board.num_lanes();
  view.lane_work = board.LaneWork(lane);
  view.fair_work = TotalWork(board) / board.num_lanes();
  for (const StageId stage : board.stage_ids()) {
    view.stages.push_back(MakeStageView(board, lane, stage, now));
  }
  return view;
}

}  // namespace cascade
