#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/logging.h"
#include "server/base/thread_pool.h"
#include "server/metrics/metrics.h"
#include "server/scheduler/scheduler.h"
#include "tests/support/fake_clock.h"
#include "tests/support/plain_encoder.h"
#include "tests/support/scripted_cascade.h"

namespace cascade {

// The cascade "c" with these stages, as a pipeline would tell of it.
inline std::vector<ServedCascade> ServeScripted(
    const std::vector<ScriptedStage>& stages) {
  const ScriptedCascade model("c", stages);
  ServedCascade served;
  served.spec = std::make_shared<const CascadeSpec>(model.spec());
  for (const ScriptedStage& stage : stages) {
    ExecutorLimits limits;
    limits.slots = stage.slots;
    limits.batch_rows = stage.batch_rows;
    limits.costs = stage.costs;
    served.limits.push_back(limits);
  }
  return {std::move(served)};
}

// A Scheduler with a fake clock and no lanes: tests take the plans themselves.
class LanelessScheduler {
 public:
  LanelessScheduler(std::vector<ServedCascade> cascades,
                    const Scheduler::Options& options)
      : scheduler_(options, std::move(cascades),
                   {.clock = clock_,
                    .encoder = encoder_,
                    .encoding = encoding_,
                    .metrics = metrics_,
                    .logger = logger_}) {}

  Scheduler& operator*() { return scheduler_; }
  Scheduler* operator->() { return &scheduler_; }
  FakeClock& clock() { return clock_; }
  Metrics& metrics() { return metrics_; }

 private:
  FakeClock clock_;
  PlainEncoder encoder_;
  ThreadPool encoding_{/*num_threads=*/1};
  Metrics metrics_{"test"};
  Logger logger_{LogLevel::kDebug, clock_, [](std::string_view) {}};
  Scheduler scheduler_;
};

}  // namespace cascade
