#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/base/clock.h"
#include "server/base/logging.h"
#include "server/base/mutex.h"
#include "server/base/thread_pool.h"
#include "server/cascade_host.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/pipeline.h"
#include "server/scheduler/scheduler.h"
#include "tests/support/plain_encoder.h"
#include "tests/support/scripted_cascade.h"

namespace cascade {

// The whole engine, real scheduler and real lanes, over scripted cascades.
class ScriptedEngine {
 public:
  // Loads the models, which outlive it. `on_name` is the host's.
  ScriptedEngine(
      std::vector<const CascadeModel*> models, Scheduler::Options options,
      const Clock& clock = RealClock(), int max_queued_images = 1024,
      CascadeHost::NameListener on_name = [](const auto&, bool) {});
  // Lets blocked steps pass only if the test did: unblock them first.
  ~ScriptedEngine();

  // What the host loads from the package `path` from now on.
  void PutPackage(const std::string& path,
                  std::shared_ptr<const CascadeModel> model)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Calls `callback` on the thread that loads, once, when a package is read.
  void CallInNextRead(absl::AnyInvocable<void()> callback)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Blocks until a device is lost, and returns why.
  absl::Status AwaitDeviceLoss() const ABSL_LOCKS_EXCLUDED(mutex_);

  Scheduler& scheduler() { return *scheduler_; }
  CascadeHost& host() { return *host_; }
  PlainEncoder& encoder() { return encoder_; }
  Executor& encoding() { return encoding_; }
  Metrics& metrics() { return metrics_; }
  Logger& logger() { return logger_; }
  // What has been logged of an event so far, as text.
  std::vector<std::string> LogLines(const std::string& event)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::StatusOr<std::shared_ptr<const CascadeModel>> ReadPackage(
      const std::string& path) ABSL_LOCKS_EXCLUDED(mutex_);

  // First, because the logger writes until its end.
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::map<std::string, std::shared_ptr<const CascadeModel>> packages_
      ABSL_GUARDED_BY(mutex_);
  absl::AnyInvocable<void()> read_callback_ ABSL_GUARDED_BY(mutex_);
  absl::Status device_loss_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> log_lines_ ABSL_GUARDED_BY(mutex_);

  Metrics metrics_{"test"};
  Logger logger_;
  PlainEncoder encoder_;
  ThreadPool encoding_{/*num_threads=*/2};
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<CascadeHost> host_;
};

// A request for all stages of a cascade with its defaults.
GenerationRequest MakeRequest(const CascadeSpec& spec, uint64_t seed = 1,
                              int image_count = 1);

}  // namespace cascade
