#include "server/scheduler/image_board.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace cascade {
namespace {

const StageRun& RunOf(const Image& image) {
  return image.job->stages[static_cast<size_t>(image.stage)];
}

// Has not entered its stage: its credit is the one that it came with.
bool WaitsForStage(const Image& image) {
  return image.place == ImagePlace::kReady && image.parked == nullptr;
}

}  // namespace

ImageBoard::ImageBoard(const Options& options)
    : inbox_capacity_(options.inbox_capacity),
      table_(options.num_lanes, options.max_step_bytes),
      lanes_(static_cast<size_t>(options.num_lanes)) {}

void ImageBoard::AddCascade(CascadeId cascade,
                            const std::vector<ServedStage>& stages) {
  table_.Add(cascade, stages);
  for (size_t k = 0; k < stages.size(); ++k) {
    const StageId id = {cascade, static_cast<int>(k)};
    stages_[id] = {};
    for (const auto& [lane, unused] : stages[k].lanes) {
      lanes_[static_cast<size_t>(lane)].stages[id] = {};
    }
  }
  cascades_[cascade] = {};
}

void ImageBoard::RemoveCascade(CascadeId cascade) {
  const auto is_of = [cascade](const auto& entry) {
    return entry.first.cascade == cascade;
  };
  for (Lane& lane : lanes_) std::erase_if(lane.stages, is_of);
  std::erase_if(stages_, is_of);
  cascades_.erase(cascade);
  table_.Remove(cascade);
}

void ImageBoard::Add(std::unique_ptr<Job> job, absl::Time now) {
  const int count = job->request.image_count;
  job->images.resize(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    Image& image = job->images[static_cast<size_t>(i)];
    image.job = job.get();
    image.id = {job->id, i};
    image.seed = job->request.seed + static_cast<uint64_t>(i);
    image.stage = job->request.first_stage;
    image.input = job->request.input;
    image.device_time.resize(job->stages.size());
    ++queued_;
    ++cascades_.at(job->cascade).queued;
    PutReady(image, now);
  }
  ++cascades_.at(job->cascade).jobs;
  jobs_.emplace(job->id, std::move(job));
}

Job* ImageBoard::Find(JobId id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

Image* ImageBoard::Find(ImageId id) const {
  Job* job = Find(id.job);
  if (job == nullptr) return nullptr;
  Image& image = job->images[static_cast<size_t>(id.index)];
  return image.place == ImagePlace::kGone ? nullptr : &image;
}

// Moves.

void ImageBoard::Take(Image& image, int lane, absl::Time now) {
  assert(image.place == ImagePlace::kReady);
  Stage& stage = StageOf(image);
  stage.ready.Take(image);
  stage.last_take = now;
  if (!image.begun) {
    image.begun = true;
    --queued_;
    --cascades_.at(image.job->cascade).queued;
    ++in_flight_;
  }
  if (image.parked == nullptr) {
    TakeCredit(image);
    image.stage_started = now;
    image.waited = now - image.ready_since;
  }
  image.lane = image.last_lane = lane;
  image.place = ImagePlace::kStepping;
  LaneStage& on_lane = LaneStageOf(image);
  on_lane.resident.push_back(&image);
  ++on_lane.slots_taken;
}

void ImageBoard::Step(Image& image) {
  assert(image.place == ImagePlace::kResident);
  image.place = ImagePlace::kStepping;
}

void ImageBoard::Rest(Image& image) {
  assert(image.place == ImagePlace::kStepping);
  StageOf(image).rows_left -= RunOf(image).rows(image.line);
  ++image.line;
  image.place = ImagePlace::kResident;
  image.input = nullptr;
  image.parked = nullptr;
}

void ImageBoard::MoveOn(Image& image, std::shared_ptr<const StageOutput> output,
                        absl::Time now) {
  assert(image.place == ImagePlace::kStepping);
  StageOf(image).rows_left -= image.rows_left();
  TakeFromLane(image);
  image.input = std::move(output);
  image.parked = nullptr;
  image.line = 0;
  ++image.stage;
  PutReady(image, now);
}

void ImageBoard::Park(Image& image) {
  assert(image.place == ImagePlace::kResident);
  LaneStage& stage = LaneStageOf(image);
  std::erase(stage.resident, &image);
  --stage.slots_taken;
  LaneOf(image).parking.push_back(&image);
  image.place = ImagePlace::kParking;
}

void ImageBoard::Unpark(Image& image, std::shared_ptr<const ParkedImage> parked,
                        absl::Time now) {
  assert(image.place == ImagePlace::kParking);
  std::erase(LaneOf(image).parking, &image);
  image.lane = -1;
  image.parked = std::move(parked);
  StageOf(image).rows_left -= image.rows_left();  // PutReady() counts it again.
  PutReady(image, now);
}

void ImageBoard::Remove(Image& image) {
  if (image.place == ImagePlace::kParking) {
    std::erase(LaneOf(image).parking, &image);
  } else {
    assert(image.place == ImagePlace::kStepping);
    TakeFromLane(image);
  }
  MakeGone(image);
}

void ImageBoard::Leave(Image& image) {
  assert(image.place == ImagePlace::kStepping ||
         image.place == ImagePlace::kResident);
  std::erase(LaneStageOf(image).resident, &image);
  image.place = ImagePlace::kLeaving;
  LaneOf(image).leaving.push_back(&image);
}

void ImageBoard::Evict(Job& job) {
  const size_t count = job.images.size();
  for (size_t i = 0; i < count; ++i) {
    Image& image = job.images[i];
    if (image.place == ImagePlace::kResident) {
      Leave(image);
    } else if (image.place == ImagePlace::kReady) {
      const bool is_last_one = job.gone_images + 1 == static_cast<int>(count);
      StageOf(image).ready.Take(image);
      MakeGone(image);
      if (is_last_one) return;  // `job` is no more.
    }
  }
}

std::vector<SlotRelease> ImageBoard::TakeLeaving(int lane) {
  std::vector<SlotRelease> releases;
  Images leaving = std::exchange(lanes_[static_cast<size_t>(lane)].leaving, {});
  for (Image* image : leaving) {
    releases.push_back({image->stage_id(), image->id});
    --LaneStageOf(*image).slots_taken;
    MakeGone(*image);
  }
  return releases;
}

void ImageBoard::LowerTarget(Job& job, int target_stage) {
  job.request.target_stage = target_stage;
  for (Image& image : job.images) {
    if (image.place == ImagePlace::kGone || image.stage < target_stage)
      continue;
    if (!WaitsForStage(image)) {
      GiveCreditBack(image, image.stage);
    } else if (image.needs_credit) {
      StageOf(image).ready.Take(image);
      image.needs_credit = false;
      StageOf(image).ready.Put(image);
    }
  }
}

std::vector<ImageId> ImageBoard::ImagesOf(int lane) const {
  std::vector<ImageId> ids;
  const Lane& self = lanes_[static_cast<size_t>(lane)];
  const auto add = [&ids](const Images& images) {
    for (const Image* image : images) ids.push_back(image->id);
  };
  for (const auto& [id, stage] : self.stages) add(stage.resident);
  add(self.leaving);
  add(self.parking);
  return ids;
}

void ImageBoard::LoseLane(int lane) {
  const std::vector<ImageId> lost = ImagesOf(lane);
  Lane& self = lanes_[static_cast<size_t>(lane)];
  self.leaving.clear();
  self.parking.clear();
  self.stages.clear();
  for (const ImageId id : lost) MakeGone(*Find(id));
  table_.LoseLane(lane);
  has_lost_lane_ = true;
}

// Questions.

const ReadyQueue& ImageBoard::ready(StageId stage) const {
  return stages_.at(stage).ready;
}

const ImageBoard::Images& ImageBoard::resident(int lane, StageId stage) const {
  return lanes_[static_cast<size_t>(lane)].stages.at(stage).resident;
}

int ImageBoard::free_slots(int lane, StageId stage) const {
  return table_.slots(lane, stage) -
         lanes_[static_cast<size_t>(lane)].stages.at(stage).slots_taken;
}

int ImageBoard::active(StageId stage) const {
  int count = 0;
  for (const Lane& lane : lanes_) {
    const auto on_lane = lane.stages.find(stage);
    if (on_lane != lane.stages.end()) count += on_lane->second.slots_taken;
  }
  return count;
}

int ImageBoard::inbox(StageId stage) const { return stages_.at(stage).inbox; }

absl::Time ImageBoard::last_take(StageId stage) const {
  return stages_.at(stage).last_take;
}

int ImageBoard::InboxCapacity(StageId stage, int priority) const {
  if (inbox_capacity_ > 0) return inbox_capacity_;
  const StageId below = {stage.cascade, stage.stage - 1};
  return table_.InboxCapacity(stage) + priority * table_.max_rows(below);
}

int ImageBoard::InboxLimit(StageId stage) const {
  if (stage.stage == 0) return 0;
  const int limit = InboxCapacity(stage, kNumPriorities - 1);
  // What was in it when a lane was lost may stay.
  return has_lost_lane_ ? std::max(limit, stages_.at(stage).inbox) : limit;
}

int ImageBoard::CreditsLeft(StageId stage, int priority) const {
  const auto above = stages_.find({stage.cascade, stage.stage + 1});
  if (above == stages_.end()) return std::numeric_limits<int>::max();
  return std::max(0,
                  InboxCapacity(above->first, priority) - above->second.inbox);
}

int ImageBoard::NumEnterable(StageId stage) const {
  int count = 0;
  for (const auto& [group, images] : ready(stage).groups()) {
    const int waiting = static_cast<int>(images.size());
    // One that has waited for too long may use what the best priority may.
    count += group.needs_credit
                 ? std::min(waiting, CreditsLeft(stage, kNumPriorities - 1))
                 : waiting;
  }
  return count;
}

int ImageBoard::NumEnterable() const {
  int count = 0;
  for (const auto& [id, stage] : stages_) count += NumEnterable(id);
  return count;
}

int ImageBoard::num_jobs(CascadeId cascade) const {
  return cascades_.at(cascade).jobs;
}

int ImageBoard::queued(CascadeId cascade) const {
  return cascades_.at(cascade).queued;
}

int ImageBoard::num_resident(int lane) const {
  size_t count = 0;
  for (const auto& [id, stage] : lanes_[static_cast<size_t>(lane)].stages) {
    count += stage.resident.size();
  }
  return static_cast<int>(count);
}

absl::Duration ImageBoard::StageWork(const Image& image) const {
  return image.rows_left() * table_.RowTime(image.stage_id());
}

absl::Duration ImageBoard::PathWork(const Image& image) const {
  absl::Duration work = StageWork(image);
  const Job& job = *image.job;
  for (int k = image.stage + 1; k <= job.request.target_stage; ++k) {
    work += job.stages[static_cast<size_t>(k)].rows_left(0) *
            table_.RowTime({job.cascade, k});
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

absl::Duration ImageBoard::WorkAt(StageId stage) const {
  return stages_.at(stage).rows_left * table_.RowTime(stage);
}

// Parts of moves.

ImageBoard::Stage& ImageBoard::StageOf(const Image& image) {
  return stages_.at(image.stage_id());
}

ImageBoard::Lane& ImageBoard::LaneOf(const Image& image) {
  return lanes_[static_cast<size_t>(image.lane)];
}

ImageBoard::LaneStage& ImageBoard::LaneStageOf(const Image& image) {
  return LaneOf(image).stages.at(image.stage_id());
}

void ImageBoard::TakeCredit(Image& image) {
  // The one that it came with.
  if (image.stage > 0) GiveCreditBack(image, image.stage - 1);
  if (!image.job->goes_on_after(image.stage)) return;
  image.holds_credit = true;
  ++stages_.at({image.job->cascade, image.stage + 1}).inbox;
}

void ImageBoard::GiveCreditBack(Image& image, int stage) {
  if (!image.holds_credit) return;
  image.holds_credit = false;
  --stages_.at({image.job->cascade, stage + 1}).inbox;
}

void ImageBoard::PutReady(Image& image, absl::Time now) {
  image.place = ImagePlace::kReady;
  image.ready_since = now;
  image.needs_credit =
      image.parked == nullptr && image.job->goes_on_after(image.stage);
  Stage& stage = StageOf(image);
  stage.ready.Put(image);
  stage.rows_left += image.rows_left();
}

void ImageBoard::TakeFromLane(Image& image) {
  LaneStage& stage = LaneStageOf(image);
  std::erase(stage.resident, &image);
  --stage.slots_taken;
  image.lane = -1;
}

void ImageBoard::MakeGone(Image& image) {
  GiveCreditBack(image, WaitsForStage(image) ? image.stage - 1 : image.stage);
  Job& job = *image.job;
  StageOf(image).rows_left -= image.rows_left();
  image.place = ImagePlace::kGone;
  image.input = nullptr;
  image.parked = nullptr;
  if (image.begun) {
    --in_flight_;
  } else {
    --queued_;
    --cascades_.at(job.cascade).queued;
  }
  if (++job.gone_images == static_cast<int>(job.images.size())) {
    --cascades_.at(job.cascade).jobs;
    jobs_.erase(job.id);
  }
}

}  // namespace cascade
