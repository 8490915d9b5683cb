#include "server/scheduler/image_board.h"

namespace cascade {
SchedulerSnapshot ImageBoard::Snapshot() const {
  SchedulerSnapshot snapshot;
  snapshot.queued = queued_;
  snapshot.in_flight = in_flight_;
  for (const auto& [job_id, job] : jobs_) {
    for (const Image& image : job->images) {
      snapshot.images.push_back({.image = image.id,
                                 .stage = image.stage_id(),
                                 .place = image.place,
                                 .lane = image.lane,
                                 .begun = image.begun,
                                 .holds_credit = image.holds_credit,
                                 .is_parked = image.parked != nullptr,
                                 .needs_credit = image.needs_credit,
                                 .rows_left = image.rows_left(),
                                 .job_ended = job->ended});
    }
  }
  for (const auto& [id, stage] : stages_) {
    for (const auto& [group, images] : stage.ready.groups()) {
      for (const auto& [key, image] : images) {
        snapshot.ready.push_back({id, image->id});
      }
    }
    snapshot.stages.push_back({.stage = id,
                               .inbox = stage.inbox,
                               .inbox_limit = InboxLimit(id),
                               .rows_left = stage.rows_left});
  }
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    for (const auto& [id, stage] : lanes_[lane].stages) {
      LaneStageSnapshot& copy = snapshot.lanes.emplace_back();
      copy.lane = static_cast<int>(lane);
      copy.stage = id;
      copy.slots = table_.slots(static_cast<int>(lane), id);
      copy.slots_taken = stage.slots_taken;
      for (const Image* image : stage.resident) {
        copy.resident.push_back(image->id);
      }
      for (const Image* image : lanes_[lane].leaving) {
        if (image->stage_id() == id) copy.leaving.push_back(image->id);
      }
      for (const Image* image : lanes_[lane].parking) {
        if (image->stage_id() == id) copy.parking.push_back(image->id);
      }
    }
  }
  return snapshot;
}

}  // namespace cascade
