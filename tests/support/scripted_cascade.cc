#include "tests/support/scripted_cascade.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/sampling/augmentation.h"

namespace cascade {
namespace {

// A caller broke the contract of StageExecutor: no test may go on.
void Require(bool condition, const char* rule) {
  if (condition) return;
  std::fprintf(stderr, "ScriptedCascade: %s\n", rule);
  std::abort();
}

// An image between two lines: its plan, and how far it is.
class ScriptedParkedImage : public ParkedImage {
 public:
  ScriptedParkedImage(uint64_t image_seed, size_t line)
      : image_seed_(image_seed), line_(line) {}

  int64_t bytes() const override { return 1; }
  uint64_t image_seed() const { return image_seed_; }
  size_t line() const { return line_; }

 private:
  const uint64_t image_seed_;
  const size_t line_;
};

class ScriptedOutput : public StageOutput {
 public:
  ScriptedOutput(int resolution, int channels, int noise_index)
      : resolution_(resolution),
        channels_(channels),
        noise_index_(noise_index) {}

  int resolution() const override { return resolution_; }
  int channels() const override { return channels_; }
  int noise_index() const override { return noise_index_; }
  absl::StatusOr<std::vector<float>> ToHost() const override {
    const size_t side = static_cast<size_t>(resolution_);
    return std::vector<float>(static_cast<size_t>(channels_) * side * side,
                              0.0f);
  }

 private:
  const int resolution_;
  const int channels_;
  const int noise_index_;
};

}  // namespace

uint8_t ScriptedPixel(uint64_t image_seed, int stage, int lines_done) {
  return static_cast<uint8_t>(image_seed * 31 +
                              static_cast<uint64_t>(stage) * 7 +
                              static_cast<uint64_t>(lines_done));
}

void Script::BlockSteps() {
  MutexLock lock(mutex_);
  blocking_ = true;
  may_pass_ = 0;
}

void Script::AllowSteps(int count) {
  MutexLock lock(mutex_);
  may_pass_ += count;
  changed_.SignalAll();
}

void Script::UnblockSteps() {
  MutexLock lock(mutex_);
  blocking_ = false;
  changed_.SignalAll();
}

void Script::AwaitBlockedSteps(int count) const {
  MutexLock lock(mutex_);
  while (blocked_ < count) changed_.Wait(mutex_);
}

void Script::AwaitSteps(int count) const {
  MutexLock lock(mutex_);
  while (static_cast<int>(steps_.size()) < count) changed_.Wait(mutex_);
}

void Script::AwaitNoSlots() const {
  MutexLock lock(mutex_);
  while (slots_in_use_ > 0) changed_.Wait(mutex_);
}

void Script::AwaitNoExecutors() const {
  MutexLock lock(mutex_);
  while (num_executors_ > 0) changed_.Wait(mutex_);
}

void Script::FailNextStep(int stage, absl::Status error) {
  MutexLock lock(mutex_);
  failures_[stage].push_back(std::move(error));
}

void Script::ThrowInNextStep(int stage, std::string message) {
  MutexLock lock(mutex_);
  throws_[stage].push_back(std::move(message));
}

void Script::ThrowInNextRelease(int stage) {
  MutexLock lock(mutex_);
  throws_in_release_.insert(stage);
}

void Script::SetMemoryRows(int rows) {
  MutexLock lock(mutex_);
  memory_rows_ = rows;
}

void Script::MakeNotFinite(uint64_t image_seed, int stage) {
  MutexLock lock(mutex_);
  not_finite_.insert({image_seed, stage});
}

void Script::FailAdmission(uint64_t image_seed, int stage) {
  MutexLock lock(mutex_);
  inadmissible_.insert({image_seed, stage});
}

void Script::FailExport(uint64_t image_seed, int stage) {
  MutexLock lock(mutex_);
  unexportable_.insert({image_seed, stage});
}

void Script::FailPark(uint64_t image_seed, int stage) {
  MutexLock lock(mutex_);
  unparkable_.insert({image_seed, stage});
}

void Script::FailNextExecutor(absl::Status error) {
  MutexLock lock(mutex_);
  executor_failure_ = std::move(error);
}

void Script::CallInNextAdmission(absl::AnyInvocable<void()> callback) {
  MutexLock lock(mutex_);
  admission_callback_ = std::move(callback);
}

std::vector<ScriptedStep> Script::steps() const {
  MutexLock lock(mutex_);
  return steps_;
}

int Script::slots_in_use() const {
  MutexLock lock(mutex_);
  return slots_in_use_;
}

int Script::num_executors() const {
  MutexLock lock(mutex_);
  return num_executors_;
}

absl::Status Script::Submit(ScriptedStep step) {
  MutexLock lock(mutex_);
  if (step.rows > memory_rows_) {
    return absl::ResourceExhaustedError(
        absl::StrCat(step.rows, " rows, memory for ", memory_rows_));
  }
  std::deque<absl::Status>& failures = failures_[step.stage];
  if (!failures.empty()) {
    absl::Status failure = std::move(failures.front());
    failures.pop_front();
    return failure;
  }
  if (std::deque<std::string>& throws = throws_[step.stage]; !throws.empty()) {
    const std::string message = std::move(throws.front());
    throws.pop_front();
    throw std::runtime_error(message);
  }
  steps_.push_back(std::move(step));
  changed_.SignalAll();
  return absl::OkStatus();
}

void Script::PassBlock() {
  MutexLock lock(mutex_);
  ++blocked_;
  changed_.SignalAll();
  while (blocking_ && may_pass_ == 0) changed_.Wait(mutex_);
  if (blocking_) --may_pass_;
  --blocked_;
}

bool Script::TakeNotFinite(ImageInStage image) {
  MutexLock lock(mutex_);
  return not_finite_.erase(image) > 0;
}

bool Script::IsAdmissible(ImageInStage image) const {
  MutexLock lock(mutex_);
  return !inadmissible_.contains(image);
}

bool Script::IsExportable(ImageInStage image) const {
  MutexLock lock(mutex_);
  return !unexportable_.contains(image);
}

bool Script::IsParkable(ImageInStage image) const {
  MutexLock lock(mutex_);
  return !unparkable_.contains(image);
}

void Script::CallInAdmission() {
  absl::AnyInvocable<void()> callback;
  {
    MutexLock lock(mutex_);
    callback = std::exchange(admission_callback_, nullptr);
  }
  if (callback) callback();
}

absl::Status Script::TakeExecutorFailure() {
  MutexLock lock(mutex_);
  return std::exchange(executor_failure_, absl::OkStatus());
}

void Script::PassRelease(int stage) {
  MutexLock lock(mutex_);
  if (throws_in_release_.erase(stage) > 0) {
    throw std::runtime_error("the script frees no slot");
  }
}

void Script::CountSlots(int change) {
  MutexLock lock(mutex_);
  slots_in_use_ += change;
  changed_.SignalAll();
}

void Script::CountExecutors(int change) {
  MutexLock lock(mutex_);
  num_executors_ += change;
  changed_.SignalAll();
}

class ScriptedExecutor : public StageExecutor {
 public:
  ScriptedExecutor(const StageSpec& spec, const ScriptedStage& stage,
                   Script& script)
      : spec_(spec), script_(script) {
    limits_.slots = stage.slots;
    limits_.batch_rows = stage.batch_rows;
    limits_.costs = stage.costs;
    limits_.bytes_per_slot = stage.bytes_per_slot;
    limits_.bytes_per_row = stage.bytes_per_row;
    limits_.weight_bytes = stage.weight_bytes;
    script_.CountExecutors(1);
  }
  ~ScriptedExecutor() override {
    script_.CountExecutors(-1);
    script_.CountSlots(-static_cast<int>(images_.size()));
  }

  const StageSpec& spec() const override { return spec_; }
  const ExecutorLimits& limits() const override { return limits_; }

  absl::StatusOr<std::vector<Slot>> Admit(
      std::span<const ImagePlan> plans) override {
    if (images_.size() + plans.size() > static_cast<size_t>(limits_.slots)) {
      return absl::ResourceExhaustedError("no free slot");
    }
    for (const ImagePlan& plan : plans) {
      Require(plan.parked != nullptr ||
                  (plan.input != nullptr) == (spec_.index > 0),
              "an input for each stage but the base");
      Require(plan.input == nullptr || HasRoomForNoise(plan),
              "no more noise in an input than its stage is told");
      if (!script_.IsAdmissible({plan.image_seed, spec_.index})) {
        return absl::InternalError("the script refuses the image");
      }
    }
    script_.CallInAdmission();
    std::vector<Slot> slots;
    for (const ImagePlan& plan : plans) {
      images_[next_slot_] = {plan, FirstLine(plan)};
      slots.push_back(next_slot_++);
    }
    script_.CountSlots(static_cast<int>(plans.size()));
    return slots;
  }

  absl::StatusOr<Ticket> Enqueue(std::span<const StepRow> rows) override {
    Require(!rows.empty(), "a step has images");
    ScriptedStep step;
    step.stage = spec_.index;
    for (const StepRow& row : rows) {
      Require(images_.contains(row.slot), "only admitted slots step");
      const Resident& image = images_[row.slot];
      Require(image.line < image.plan.table->lines.size(), "lines are left");
      step.rows += RowsOf(image.plan.table->lines[image.line]);
      step.image_seeds.push_back(image.plan.image_seed);
    }
    Require(step.rows <= limits_.batch_rows.back(), "a step fits the batch");
    const int num_rows = step.rows;
    if (absl::Status status = script_.Submit(std::move(step)); !status.ok()) {
      return status;
    }
    pending_.assign(rows.begin(), rows.end());
    padded_rows_ = PaddedRows(num_rows);
    return ++last_ticket_;
  }

  absl::StatusOr<StepOutcome> Wait(Ticket ticket) override {
    Require(ticket == last_ticket_ && !pending_.empty(),
            "a ticket is waited "
            "for once");
    script_.PassBlock();
    StepOutcome outcome;
    outcome.device_time = absl::Milliseconds(1);
    outcome.padded_rows = padded_rows_;
    for (const StepRow& row : pending_) {
      Resident& image = images_[row.slot];
      ++image.line;
      RowOutcome& result = outcome.rows.emplace_back();
      result.finite =
          !script_.TakeNotFinite({image.plan.image_seed, spec_.index});
      if (row.wants_pixels && result.finite) result.pixels = Pixels(image);
    }
    pending_.clear();
    return outcome;
  }

  absl::StatusOr<std::shared_ptr<const StageOutput>> Export(
      Slot slot) override {
    Require(images_.contains(slot), "only admitted slots are exported");
    const Resident& image = images_[slot];
    Require(image.line == image.plan.table->lines.size(),
            "only finished images are exported");
    if (!script_.IsExportable({image.plan.image_seed, spec_.index})) {
      return absl::InternalError("the script exports nothing");
    }
    const std::optional<int> stop = image.plan.table->stop_timestep;
    return std::make_shared<const ScriptedOutput>(
        spec_.resolution, spec_.channels, stop.has_value() ? *stop + 1 : 0);
  }

  absl::StatusOr<std::shared_ptr<const ParkedImage>> Park(Slot slot) override {
    Require(images_.contains(slot), "only admitted slots are parked");
    const Resident& image = images_[slot];
    Require(image.line < image.plan.table->lines.size(),
            "only unfinished images are parked");
    if (!script_.IsParkable({image.plan.image_seed, spec_.index})) {
      return absl::InternalError("the script parks nothing");
    }
    return std::make_shared<const ScriptedParkedImage>(image.plan.image_seed,
                                                       image.line);
  }

  void Release(std::span<const Slot> slots) override {
    script_.PassRelease(spec_.index);
    for (const Slot slot : slots) {
      Require(images_.erase(slot) == 1, "a slot is released once");
    }
    script_.CountSlots(-static_cast<int>(slots.size()));
  }

 private:
  struct Resident {
    ImagePlan plan;
    size_t line = 0;
  };

  bool HasRoomForNoise(const ImagePlan& plan) const {
    return plan.input->noise_index() <=
           AugmentationIndex(spec_.augmentation.num_timesteps,
                             plan.augmentation_level);
  }

  // Where an image begins, or goes on.
  static size_t FirstLine(const ImagePlan& plan) {
    if (plan.parked == nullptr) return 0;
    const auto& parked = dynamic_cast<const ScriptedParkedImage&>(*plan.parked);
    Require(parked.image_seed() == plan.image_seed, "an image's own state");
    return parked.line();
  }

  // What fills a step up to the next size.
  int PaddedRows(int rows) const {
    return *std::lower_bound(limits_.batch_rows.begin(),
                             limits_.batch_rows.end(), rows) -
           rows;
  }

  HostImage Pixels(const Resident& image) const {
    const size_t side = static_cast<size_t>(spec_.resolution);
    const uint8_t value = ScriptedPixel(image.plan.image_seed, spec_.index,
                                        static_cast<int>(image.line));
    return {.height = spec_.resolution,
            .width = spec_.resolution,
            .channels = spec_.channels,
            .pixels = std::vector<uint8_t>(
                side * side * static_cast<size_t>(spec_.channels), value)};
  }

  const StageSpec spec_;
  Script& script_;
  ExecutorLimits limits_;
  std::map<Slot, Resident> images_;
  std::vector<StepRow> pending_;
  int padded_rows_ = 0;  // Of the pending step.
  Slot next_slot_ = 0;
  Ticket last_ticket_ = 0;
};

ScriptedCascade::ScriptedCascade(std::string name,
                                 std::vector<ScriptedStage> stages,
                                 char version)
    : stages_(std::move(stages)), script_(std::make_unique<Script>()) {
  spec_.name = std::move(name);
  spec_.description = "A scripted cascade";
  spec_.digest = std::string(64, version);
  for (int i = 0; i < 10; ++i) spec_.class_names.push_back(absl::StrCat(i));
  for (const ScriptedStage& stage : stages_) {
    StageSpec spec;
    spec.index = static_cast<int>(spec_.stages.size());
    spec.name = absl::StrCat(stage.resolution, "x", stage.resolution);
    spec.resolution = stage.resolution;
    if (spec.index > 0) spec.low_resolution = spec_.stages.back().resolution;
    spec.channels = stage.channels;
    spec.num_classes = 10;
    spec.has_null_class = true;
    spec.augmentation.enabled = stage.augmentation;
    spec.default_sampler.num_steps = 4;
    spec.weights_sha256 = std::string(64, 'b');
    spec_.stages.push_back(spec);
  }
}

absl::StatusOr<std::unique_ptr<StageExecutor>> ScriptedCascade::MakeExecutor(
    int stage_index, const std::string& /*device*/) const {
  const size_t k = static_cast<size_t>(stage_index);
  absl::Status failure = script_->TakeExecutorFailure();
  if (!failure.ok()) return failure;
  return std::make_unique<ScriptedExecutor>(spec_.stages[k], stages_[k],
                                            *script_);
}

}  // namespace cascade
