#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "models/cascade_model.h"
#include "models/stage_executor.h"
#include "server/base/mutex.h"

namespace cascade {

// A stage without a network.
struct ScriptedStage {
  int resolution = 8;
  int channels = 3;
  int slots = 64;
  // Steps of other sizes are filled up to the next one.
  std::vector<int> batch_rows = {1, 2, 4, 8, 16, 32};
  std::vector<BatchCost> costs = {};  // Empty: every step costs the same.
  bool augmentation = false;
  int64_t bytes_per_slot = 0;
  int64_t bytes_per_row = 0;
  int64_t weight_bytes = 0;
};

// A step as it was submitted.
struct ScriptedStep {
  int stage = 0;
  int rows = 0;                       // Network rows.
  std::vector<uint64_t> image_seeds;  // In the order of the rows.
};

// What the executors of a ScriptedCascade do, and what they did. Thread-safe.
class Script {
 public:
  // From now on every step blocks inside Wait()...
  void BlockSteps();
  // ... until it is one of `count` more that may pass...
  void AllowSteps(int count);
  // ... or all may.
  void UnblockSteps();
  // Blocks the caller until `count` steps are blocked at the same time.
  void AwaitBlockedSteps(int count) const;
  // Blocks the caller until `count` steps have been submitted in all.
  void AwaitSteps(int count) const;

  // Blocks the caller until no image has a slot.
  void AwaitNoSlots() const;
  // Blocks the caller until the last executor is destroyed.
  void AwaitNoExecutors() const;

  // The next step of the stage fails with `error`, without effect.
  void FailNextStep(int stage, absl::Status error);
  // The next step of the stage throws a std::runtime_error with `message`,
  // without effect.
  void ThrowInNextStep(int stage, std::string message);
  // The next slots that the stage is to free make it throw.
  void ThrowInNextRelease(int stage);
  // Steps with more network rows are RESOURCE_EXHAUSTED.
  void SetMemoryRows(int rows);
  // The image becomes NaN in its next step of the stage.
  void MakeNotFinite(uint64_t image_seed, int stage);
  // The image cannot be admitted to the stage.
  void FailAdmission(uint64_t image_seed, int stage);
  // The stage's output of the image cannot be exported.
  void FailExport(uint64_t image_seed, int stage);
  // The image cannot be parked in the stage.
  void FailPark(uint64_t image_seed, int stage);
  // The next executor cannot be made.
  void FailNextExecutor(absl::Status error);
  // Calls `callback` on the lane, once, as images are admitted to a stage.
  void CallInNextAdmission(absl::AnyInvocable<void()> callback);

  std::vector<ScriptedStep> steps() const;
  int slots_in_use() const;
  int num_executors() const;

 private:
  friend class ScriptedCascade;
  friend class ScriptedExecutor;
  using ImageInStage = std::pair<uint64_t, int>;

  absl::Status Submit(ScriptedStep step);
  void PassBlock();
  bool TakeNotFinite(ImageInStage image);
  bool IsAdmissible(ImageInStage image) const;
  bool IsExportable(ImageInStage image) const;
  bool IsParkable(ImageInStage image) const;
  void CallInAdmission();
  absl::Status TakeExecutorFailure();
  void PassRelease(int stage);
  void CountSlots(int change);
  void CountExecutors(int change);

  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool blocking_ ABSL_GUARDED_BY(mutex_) = false;
  int may_pass_ ABSL_GUARDED_BY(mutex_) = 0;
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;
  int memory_rows_ ABSL_GUARDED_BY(mutex_) = 1 << 20;
  std::map<int, std::deque<absl::Status>> failures_ ABSL_GUARDED_BY(mutex_);
  std::map<int, std::deque<std::string>> throws_ ABSL_GUARDED_BY(mutex_);
  std::set<int> throws_in_release_ ABSL_GUARDED_BY(mutex_);
  std::set<ImageInStage> not_finite_ ABSL_GUARDED_BY(mutex_);
  std::set<ImageInStage> inadmissible_ ABSL_GUARDED_BY(mutex_);
  std::set<ImageInStage> unexportable_ ABSL_GUARDED_BY(mutex_);
  std::set<ImageInStage> unparkable_ ABSL_GUARDED_BY(mutex_);
  absl::Status executor_failure_ ABSL_GUARDED_BY(mutex_);
  absl::AnyInvocable<void()> admission_callback_ ABSL_GUARDED_BY(mutex_);
  std::vector<ScriptedStep> steps_ ABSL_GUARDED_BY(mutex_);
  int slots_in_use_ ABSL_GUARDED_BY(mutex_) = 0;
  int num_executors_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A cascade whose steps do what a script says: block, fail, or give pixels that
// are a function of the image's seed, its stage and its line. Keeps the
// contracts of StageExecutor, and aborts when its caller breaks them.
class ScriptedCascade : public CascadeModel {
 public:
  // `version` makes the digest.
  ScriptedCascade(std::string name, std::vector<ScriptedStage> stages,
                  char version = 'a');

  const CascadeSpec& spec() const override { return spec_; }
  absl::StatusOr<std::unique_ptr<StageExecutor>> MakeExecutor(
      int stage_index, const std::string& device) const override;

  Script& script() const { return *script_; }

 private:
  const std::vector<ScriptedStage> stages_;
  CascadeSpec spec_;
  const std::unique_ptr<Script> script_;
};

// What every pixel of such an image is, `lines_done` lines into a stage.
uint8_t ScriptedPixel(uint64_t image_seed, int stage, int lines_done);

}  // namespace cascade
