#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "server/scheduler/job.h"
#include "server/scheduler/ready_queue.h"
#include "server/scheduler/scheduler_snapshot.h"
#include "server/scheduler/stage_table.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// Where every image is: the jobs, what waits at each stage, and what has a slot
// on which lane. Moves images and keeps the counts and the credits; decides
// nothing.
//
// A credit is a place in the inbox of a stage. An image takes one for the stage
// above when it gets its first slot in a stage, unless it ends there, and gives
// it back when it gets its first slot in the stage above.
//
// Not thread-safe: the Scheduler's lock guards it.
class ImageBoard {
 public:
  using Images = std::vector<Image*>;

  struct Options {
    int num_lanes = 1;
    int64_t max_step_bytes = 0;  // As StageTable has it.
    int inbox_capacity = 0;      // 0: StageTable::InboxCapacity().
  };

  explicit ImageBoard(const Options& options);

  void AddCascade(CascadeId cascade, const std::vector<ServedStage>& stages);
  // Of which there is no job.
  void RemoveCascade(CascadeId cascade);

  // Takes over a job and puts its images before their first stage.
  void Add(std::unique_ptr<Job> job, absl::Time now);
  Job* Find(JobId id) const;
  const std::unordered_map<JobId, std::unique_ptr<Job>>& jobs() const {
    return jobs_;
  }
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
  // kResident -> kParking. The slot is free for the images of the same plan.
  void Park(Image& image);
  // kParking -> kReady.
  void Unpark(Image& image, std::shared_ptr<const ParkedImage> parked,
              absl::Time now);
  // kStepping or kParking -> kGone. The slot is free.
  void Remove(Image& image);
  // kStepping or kResident -> kLeaving.
  void Leave(Image& image);
  // The images of an ended job that no plan is at: to kGone or kLeaving.
  void Evict(Job& job);
  // kLeaving -> kGone, all of a lane: it frees the slots next.
  std::vector<SlotRelease> TakeLeaving(int lane);
  // Makes a job end at a lower stage, which all of its images have reached.
  void LowerTarget(Job& job, int target_stage);
  // The images that have a slot on a lane, in whatever place.
  std::vector<ImageId> ImagesOf(int lane) const;
  // All of them to kGone; the lane runs nothing any more.
  void LoseLane(int lane);

  const StageTable& table() const { return table_; }
  StageTable& table() { return table_; }
  const ReadyQueue& ready(StageId stage) const;
  const Images& resident(int lane, StageId stage) const;
  int free_slots(int lane, StageId stage) const;
  int active(StageId stage) const;  // Images with a slot, on any lane.
  int inbox(StageId stage) const;   // Credits in use.
  // Images that the inbox of a stage takes at most; 0 for the base.
  int InboxLimit(StageId stage) const;
  // When an image last got a slot of the stage.
  absl::Time last_take(StageId stage) const;

  // Credits that an image of this priority may take when it enters the stage
  // and goes on after it. Each higher priority may use a batch more, so that a
  // lower one that waits cannot hold it up.
  int CreditsLeft(StageId stage, int priority) const;
  // Images that wait for the stage and could enter it.
  int NumEnterable(StageId stage) const;
  int NumEnterable() const;  // Any stage.

  int num_jobs(CascadeId cascade) const;        // With an image left.
  int queued(CascadeId cascade) const;          // Have not begun.
  int queued() const { return queued_; }        // Of all cascades.
  int in_flight() const { return in_flight_; }  // Have begun, are not gone.
  int num_resident(int lane) const;

  // Work in full batches: of an image in its stage, of it to its end; of the
  // images with a slot on a lane; of all that is at a stage.
  absl::Duration StageWork(const Image& image) const;
  absl::Duration PathWork(const Image& image) const;
  absl::Duration LaneWork(int lane) const;
  absl::Duration WorkAt(StageId stage) const;

  SchedulerSnapshot Snapshot() const;

 private:
  struct Stage {
    ReadyQueue ready;
    absl::Time last_take = absl::InfinitePast();
    int inbox = 0;          // Credits in use.
    int64_t rows_left = 0;  // Of all images at the stage, in it.
  };
  struct LaneStage {
    Images resident;  // kResident and kStepping.
    int slots_taken = 0;
  };
  struct Lane {
    std::map<StageId, LaneStage> stages;
    Images leaving;
    Images parking;
  };

  // Of a cascade.
  struct Counts {
    int jobs = 0;
    int queued = 0;
  };

  Stage& StageOf(const Image& image);
  LaneStage& LaneStageOf(const Image& image);
  Lane& LaneOf(const Image& image);
  // Images that the inbox of a stage takes at most, up to those of a priority.
  int InboxCapacity(StageId stage, int priority) const;
  void TakeCredit(Image& image);
  // Of an image in `stage`, for the stage above.
  void GiveCreditBack(Image& image, int stage);
  void PutReady(Image& image, absl::Time now);
  void TakeFromLane(Image& image);
  void MakeGone(Image& image);

  const int inbox_capacity_;
  StageTable table_;
  std::map<StageId, Stage> stages_;
  std::vector<Lane> lanes_;
  std::unordered_map<JobId, std::unique_ptr<Job>> jobs_;
  std::map<CascadeId, Counts> cascades_;
  int queued_ = 0;
  int in_flight_ = 0;
  bool has_lost_lane_ = false;
};

}  // namespace cascade
