#pragma once

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "models/stage_executor.h"
#include "server/scheduler/lane_work.h"

namespace cascade {

// A stage's finished image without pixels.
class EmptyOutput : public StageOutput {
 public:
  int resolution() const override { return 1; }
  int channels() const override { return 1; }
  absl::StatusOr<std::vector<float>> ToHost() const override {
    return std::vector<float>{0.0f};
  }
};

// A parked image without contents.
class EmptyParkedImage : public ParkedImage {
 public:
  int64_t bytes() const override { return 1; }
};

// A lane without a thread: a test takes its plans and reports its steps. Keeps
// book of the slots as a real lane would, and counts what breaks the contract.
class HandLane {
 public:
  HandLane(LaneWork& work, int index) : work_(work), index_(index) {}

  // Takes the next plan; blocks when there is none, as a lane does. The plan
  // may have no step.
  const StepPlan& Take() { return Take(*work_.NextPlan(index_)); }
  // A plan that the test has got for this lane.
  const StepPlan& Take(StepPlan plan) {
    plan_ = std::move(plan);
    for (const SlotRelease& release : plan_.releases) {
      if (slots_.erase({release.stage, release.image}) != 1) ++violations_;
    }
    for (const SlotPark& park : plan_.parks) {
      if (slots_.erase({park.stage, park.image}) != 1) ++violations_;
    }
    for (const PlannedImage& image : plan_.images) {
      const bool has_slot = slots_.contains({plan_.stage, image.image});
      if (has_slot == image.admit.has_value()) ++violations_;
      slots_.insert({plan_.stage, image.image});
    }
    steps_ = !plan_.images.empty() || !plan_.parks.empty();
    return plan_;
  }

  // Reports the step of the last plan; `status` of the images in `failed`, OK
  // of the others.
  void Finish(const std::set<ImageId>& failed = {},
              const absl::Status& status = absl::InternalError("failed")) {
    StepReport report;
    for (const PlannedImage& image : plan_.images) {
      ImageReport& part = report.images.emplace_back();
      part.image = image.image;
      part.device_time = step_time_ / static_cast<double>(plan_.images.size());
      if (failed.contains(image.image)) part.status = status;
      if (part.status.ok() && image.is_last() && image.hands_over) {
        part.output = std::make_shared<EmptyOutput>();
      }
      if (!part.status.ok() || image.is_last()) {
        slots_.erase({plan_.stage, image.image});
      }
    }
    for (const SlotPark& park : plan_.parks) {
      report.parks.push_back(
          {park.image, std::make_shared<EmptyParkedImage>()});
    }
    steps_ = false;
    work_.StepDone(index_, std::move(report));
  }

  // What steps take from now on, as the lane reports it.
  void SetStepTime(absl::Duration step_time) { step_time_ = step_time; }

  const StepPlan& plan() const { return plan_; }
  bool is_stepping() const { return steps_; }
  size_t num_slots() const { return slots_.size(); }
  int violations() const { return violations_; }

 private:
  LaneWork& work_;
  const int index_;
  StepPlan plan_;
  bool steps_ = false;
  absl::Duration step_time_ = absl::Milliseconds(1);
  std::set<std::pair<StageId, ImageId>> slots_;
  int violations_ = 0;
};

}  // namespace cascade
