#include "server/scheduler/image_board.h"

#include <cassert>
#include <utility>

namespace cascade {
namespace {

StageId StageIdOf(const Image& image) {
  return {image.job->cascade, image.stage};
}

const StageRun& RunOf(const Image& image) {
  return image.job->stages[static_cast<size_t>(image.stage)];
}

}  // namespace

ImageBoard::ImageBoard(std::vector<std::vector<StageLimits>> stages,
                       int num_lanes)
    : lanes_(static_cast<size_t>(num_lanes)) {
  for (size_t cascade = 0; cascade < stages.size(); ++cascade) {
    for (size_t k = 0; k < stages[cascade].size(); ++k) {
      const StageId id = {static_cast<int>(cascade), static_cast<int>(k)};
      stage_ids_.push_back(id);
      stages_.emplace(
          id, Stage{.limits = std::move(stages[cascade][k]), .ready = {}});
      for (Lane& lane : lanes_) lane.stages[id] = {};
    }
  }
}

void ImageBoard::Add(std::unique_ptr<Job> job, absl::Time now) {
  const int count = job->request.image_count;
  job->images.resize(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    Image& image = job->images[static_cast<size_t>(i)];
    image.job = job.get();
    image.id = {job->id, i};
    image.seed = job->request.seed + static_cast<uint64_t>(i);
    image.device_time.resize(job->stages.size());
    ++queued_;
    PutReady(image, now);
  }
  jobs_.emplace(job->id, std::move(job));
}

Job* ImageBoard::Find(JobId id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

std::vector<JobId> ImageBoard::JobIds() const {
  std::vector<JobId> ids;
  for (const auto& [id, job] : jobs_) ids.push_back(id);
  return ids;
}

Image* ImageBoard::Find(ImageId id) const {
  Job* job = Find(id.job);
  if (job == nullptr) return nullptr;
  Image& image = job->images[static_cast<size_t>(id.index)];
  return image.place == ImagePlace::kGone ? nullptr : &image;
}

void ImageBoard::Take(Image& image, int lane, absl::Time now) {
  assert(image.place == ImagePlace::kReady);
  TakeFromReady(image);
  StageOf(image).last_take = now;
  if (!image.begun) {
    image.begun = true;
    --queued_;
    ++in_flight_;
  }
  image.lane = lane;
  image.place = ImagePlace::kStepping;
  image.stage_started = now;
  LaneStage& stage = LaneStageOf(image);
  stage.resident.push_back(&image);
  ++stage.slots_taken;
}

void ImageBoard::Step(Image& image) {
  assert(image.place == ImagePlace::kResident);
  image.place = ImagePlace::kStepping;
}

void ImageBoard::Rest(Image& image) {
  assert(image.place == ImagePlace::kStepping);
  image.place = ImagePlace::kResident;
}

void ImageBoard::MoveOn(Image& image, std::shared_ptr<const StageOutput> output,
                        absl::Time now) {
  assert(image.place == ImagePlace::kStepping);
  TakeFromLane(image);
  image.input = std::move(output);
  image.line = 0;
  ++image.stage;
  PutReady(image, now);
}

void ImageBoard::Remove(Image& image) {
  assert(image.place == ImagePlace::kStepping);
  TakeFromLane(image);
  MakeGone(image);
}

void ImageBoard::Leave(Image& image) {
  assert(image.place == ImagePlace::kStepping ||
         image.place == ImagePlace::kResident);
  std::erase(LaneStageOf(image).resident, &image);
  image.place = ImagePlace::kLeaving;
  lanes_[static_cast<size_t>(image.lane)].leaving.push_back(&image);
}

void ImageBoard::Evict(Job& job) {
  const size_t count = job.images.size();
  for (size_t i = 0; i < count; ++i) {
    Image& image = job.images[i];
    if (image.place == ImagePlace::kResident) {
      Leave(image);
    } else if (image.place == ImagePlace::kReady) {
      const bool is_last_one = job.gone_images + 1 == static_cast<int>(count);
      TakeFromReady(image);
      MakeGone(image);
      if (is_last_one) return;  // `job` is no more.
    }
  }
}

std::vector<SlotRelease> ImageBoard::TakeLeaving(int lane) {
  std::vector<SlotRelease> releases;
  Images leaving = std::exchange(lanes_[static_cast<size_t>(lane)].leaving, {});
  for (Image* image : leaving) {
    releases.push_back({StageIdOf(*image), image->id});
    --LaneStageOf(*image).slots_taken;
    MakeGone(*image);
  }
  return releases;
}

const StageLimits& ImageBoard::limits(StageId stage) const {
  return stages_.at(stage).limits;
}

const ImageBoard::ReadyImages& ImageBoard::ready(StageId stage) const {
  return stages_.at(stage).ready;
}

const ImageBoard::Images& ImageBoard::resident(int lane, StageId stage) const {
  return lanes_[static_cast<size_t>(lane)].stages.at(stage).resident;
}

int ImageBoard::free_slots(int lane, StageId stage) const {
  return limits(stage).slots -
         lanes_[static_cast<size_t>(lane)].stages.at(stage).slots_taken;
}

absl::Time ImageBoard::last_take(StageId stage) const {
  return stages_.at(stage).last_take;
}

int ImageBoard::num_resident(int lane) const {
  size_t count = 0;
  for (const auto& [id, stage] : lanes_[static_cast<size_t>(lane)].stages) {
    count += stage.resident.size();
  }
  return static_cast<int>(count);
}

absl::Duration ImageBoard::StageWork(const Image& image) const {
  return RunOf(image).rows_left(image.line) *
         limits(StageIdOf(image)).curve.row_time();
}

absl::Duration ImageBoard::PathWork(const Image& image) const {
  absl::Duration work = StageWork(image);
  const Job& job = *image.job;
  for (int k = image.stage + 1; k <= job.request.target_stage; ++k) {
    work += job.stages[static_cast<size_t>(k)].rows_left(0) *
            limits({job.cascade, k}).curve.row_time();
  }
  return work;
}

absl::Duration ImageBoard::LaneWork(int lane) const {
  absl::Duration work;
  for (const auto& [id, stage] : lanes_[static_cast<size_t>(lane)].stages) {
    for (const Image* image : stage.resident) work += StageWork(*image);
  }
  return work;
}

SchedulerSnapshot ImageBoard::Snapshot() const {
  SchedulerSnapshot snapshot;
  snapshot.queued = queued_;
  snapshot.in_flight = in_flight_;
  snapshot.num_ready = num_ready_;
  for (const auto& [job_id, job] : jobs_) {
    for (const Image& image : job->images) {
      snapshot.images.push_back({.image = image.id,
                                 .stage = StageIdOf(image),
                                 .place = image.place,
                                 .lane = image.lane,
                                 .begun = image.begun,
                                 .job_ended = job->ended});
    }
  }
  for (const auto& [id, stage] : stages_) {
    for (const auto& [image_id, image] : stage.ready) {
      snapshot.ready.push_back({id, image_id});
    }
  }
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    for (const auto& [id, stage] : lanes_[lane].stages) {
      LaneStageSnapshot& copy = snapshot.lanes.emplace_back();
      copy.lane = static_cast<int>(lane);
      copy.stage = id;
      copy.slots = stages_.at(id).limits.slots;
      copy.slots_taken = stage.slots_taken;
      for (const Image* image : stage.resident) {
        copy.resident.push_back(image->id);
      }
      for (const Image* image : lanes_[lane].leaving) {
        if (StageIdOf(*image) == id) copy.leaving.push_back(image->id);
      }
    }
  }
  return snapshot;
}

ImageBoard::Stage& ImageBoard::StageOf(const Image& image) {
  return stages_.at(StageIdOf(image));
}

ImageBoard::LaneStage& ImageBoard::LaneStageOf(const Image& image) {
  return lanes_[static_cast<size_t>(image.lane)].stages.at(StageIdOf(image));
}

void ImageBoard::PutReady(Image& image, absl::Time now) {
  image.place = ImagePlace::kReady;
  image.ready_since = now;
  StageOf(image).ready.emplace(image.id, &image);
  ready_work_ += StageWork(image);
  ++num_ready_;
}

void ImageBoard::TakeFromReady(Image& image) {
  StageOf(image).ready.erase(image.id);
  ready_work_ -= StageWork(image);
  --num_ready_;
}

void ImageBoard::TakeFromLane(Image& image) {
  LaneStage& stage = LaneStageOf(image);
  std::erase(stage.resident, &image);
  --stage.slots_taken;
  image.lane = -1;
}

void ImageBoard::MakeGone(Image& image) {
  image.place = ImagePlace::kGone;
  image.input = nullptr;
  --(image.begun ? in_flight_ : queued_);
  Job& job = *image.job;
  if (++job.gone_images == static_cast<int>(job.images.size())) {
    jobs_.erase(job.id);
  }
}

}  // namespace cascade
