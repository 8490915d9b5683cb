#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "server/scheduler/batch_curve.h"
#include "server/scheduler/job.h"
#include "server/scheduler/scheduler_snapshot.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// One stage as the board sees it.
struct StageLimits {
  BatchCurve curve;
  int slots = 0;  // Of each lane.
};

// Where every image is: the jobs, what waits at each stage, and what has a slot
// on which lane. Moves images and keeps the counts; decides nothing.
//
// Not thread-safe: the Scheduler's lock guards it.
class ImageBoard {
 public:
  using Images = std::vector<Image*>;
  // In arrival order.
  using ReadyImages = std::map<ImageId, Image*>;

  // `stages[cascade][stage]`.
  ImageBoard(std::vector<std::vector<StageLimits>> stages, int num_lanes);

  // Takes over a job and puts its images before their first stage.
  void Add(std::unique_ptr<Job> job, absl::Time now);
  Job* Find(JobId id) const;
  std::vector<JobId> JobIds() const;
  // Null once the image is gone.
  Image* Find(ImageId id) const;

  // The moves of image_place.h. Those that make an image kGone may destroy its
  // job: keep no reference.
  void Take(Image& image, int lane, absl::Time now);  // kReady -> kStepping
  void Step(Image& image);                            // kResident -> kStepping
  void Rest(Image& image);                            // kStepping -> kResident
  // kStepping -> kReady. The slot is free.
  void MoveOn(Image& image, std::shared_ptr<const StageOutput> output,
              absl::Time now);
  // kStepping -> kGone. The slot is free.
  void Remove(Image& image);
  // kStepping or kResident -> kLeaving.
  void Leave(Image& image);
  // The images of an ended job that do not step: to kGone or kLeaving.
  void Evict(Job& job);
  // kLeaving -> kGone, all of a lane: it frees the slots next.
  std::vector<SlotRelease> TakeLeaving(int lane);

  const std::vector<StageId>& stage_ids() const { return stage_ids_; }
  const StageLimits& limits(StageId stage) const;
  const ReadyImages& ready(StageId stage) const;
  const Images& resident(int lane, StageId stage) const;
  int free_slots(int lane, StageId stage) const;
  // When an image last got a slot of the stage.
  absl::Time last_take(StageId stage) const;

  int num_lanes() const { return static_cast<int>(lanes_.size()); }
  int num_jobs() const { return static_cast<int>(jobs_.size()); }
  int queued() const { return queued_; }        // Have not begun.
  int in_flight() const { return in_flight_; }  // Have begun, are not gone.
  int num_ready() const { return num_ready_; }  // Queued or between stages.
  int num_resident(int lane) const;

  // Work in full batches: of an image in its stage, of it to its end; of the
  // images with a slot on a lane; of all that is ready.
  absl::Duration StageWork(const Image& image) const;
  absl::Duration PathWork(const Image& image) const;
  absl::Duration LaneWork(int lane) const;
  absl::Duration ReadyWork() const { return ready_work_; }

  SchedulerSnapshot Snapshot() const;

 private:
  struct Stage {
    StageLimits limits;
    ReadyImages ready;
    absl::Time last_take = absl::InfinitePast();
  };
  struct LaneStage {
    Images resident;  // kResident and kStepping.
    int slots_taken = 0;
  };
  struct Lane {
    std::map<StageId, LaneStage> stages;
    Images leaving;
  };

  Stage& StageOf(const Image& image);
  LaneStage& LaneStageOf(const Image& image);
  void PutReady(Image& image, absl::Time now);
  void TakeFromReady(Image& image);
  void TakeFromLane(Image& image);
  void MakeGone(Image& image);

  std::vector<StageId> stage_ids_;
  std::map<StageId, Stage> stages_;
  std::vector<Lane> lanes_;
  std::unordered_map<JobId, std::unique_ptr<Job>> jobs_;
  int queued_ = 0;
  int in_flight_ = 0;
  int num_ready_ = 0;
  absl::Duration ready_work_;
};

}  // namespace cascade
