#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/error_reason.h"
#include "server/base/mutex.h"
#include "server/scheduler/generator.h"

namespace cascade {

// Passes everything on to another generator, and lets a test wait for what the
// RPCs ask of it. Thread-safe.
class ObservedGenerator : public Generator {
 public:
  explicit ObservedGenerator(Generator& generator) : generator_(generator) {}

  absl::StatusOr<std::shared_ptr<const CascadeSpec>> FindCascade(
      std::string_view name) const override {
    return generator_.FindCascade(name);
  }
  std::vector<std::shared_ptr<const CascadeSpec>> ListCascades()
      const override {
    return generator_.ListCascades();
  }

  absl::StatusOr<Admitted> Submit(GenerationRequest request) override {
    absl::StatusOr<Admitted> admitted =
        TakeReplacement() ? ErrorWithReason(absl::StatusCode::kAborted,
                                            kCascadeReplaced, "replaced")
                          : generator_.Submit(request);
    MutexLock lock(mutex_);
    requests_.push_back(std::move(request));
    changed_.SignalAll();
    return admitted;
  }

  absl::Status CheckRoom(const std::string& cascade, const std::string& tenant,
                         int image_count) const override {
    return generator_.CheckRoom(cascade, tenant, image_count);
  }

  void Cancel(JobId id, absl::Status reason) override {
    generator_.Cancel(id, reason);
    MutexLock lock(mutex_);
    cancels_.push_back(std::move(reason));
    changed_.SignalAll();
    if (!std::exchange(hold_next_cancel_, false)) return;
    const absl::Time until = absl::Now() + hold_limit_;
    while (!cancel_released_ && absl::Now() < until) {
      changed_.WaitUntil(mutex_, until);
    }
    hold_ended_ = true;
  }

  // The next submissions find that their cascade was replaced meanwhile.
  void ReplaceCascade(int times) {
    MutexLock lock(mutex_);
    replacements_ = times;
  }

  // The next Cancel() has its effect, and returns after ReleaseCancel() or
  // `limit`: it is gRPC's thread, with work of its own queued behind.
  void HoldNextCancel(absl::Duration limit) {
    MutexLock lock(mutex_);
    hold_next_cancel_ = true;
    hold_limit_ = limit;
  }
  // Whether it was held until now.
  bool ReleaseCancel() {
    MutexLock lock(mutex_);
    cancel_released_ = true;
    changed_.SignalAll();
    return !hold_ended_;
  }

  int submits() const {
    MutexLock lock(mutex_);
    return static_cast<int>(requests_.size());
  }

  // As the RPCs submitted it.
  GenerationRequest last_request() const {
    MutexLock lock(mutex_);
    return requests_.back();
  }

  // Blocks until `count` jobs have been submitted, refused ones included.
  void AwaitSubmits(int count) const {
    MutexLock lock(mutex_);
    while (static_cast<int>(requests_.size()) < count) changed_.Wait(mutex_);
  }

  // Blocks until there was a cancel, and returns why.
  absl::Status AwaitCancel() const {
    MutexLock lock(mutex_);
    while (cancels_.empty()) changed_.Wait(mutex_);
    return cancels_.front();
  }

 private:
  bool TakeReplacement() {
    MutexLock lock(mutex_);
    if (replacements_ == 0) return false;
    --replacements_;
    return true;
  }

  Generator& generator_;

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::vector<GenerationRequest> requests_ ABSL_GUARDED_BY(mutex_);
  int replacements_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<absl::Status> cancels_ ABSL_GUARDED_BY(mutex_);
  bool hold_next_cancel_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration hold_limit_ ABSL_GUARDED_BY(mutex_);
  bool hold_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancel_released_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cascade
