#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/thread_pool.h"
#include "server/metrics/metrics.h"
#include "server/scheduler/scheduler.h"
#include "tests/support/fake_clock.h"
#include "tests/support/plain_encoder.h"
#include "tests/support/scripted_cascade.h"

namespace cascade {

// The cascade "c" with these stages, as a pipeline would tell of it.
inline ServedCascade ServeScripted(const std::vector<ScriptedStage>& stages,
                                   int num_lanes = 1,
                                   const std::string& name = "c") {
  const ScriptedCascade model(name, stages);
  ServedCascade served;
  served.spec = std::make_shared<const CascadeSpec>(model.spec());
  for (const ScriptedStage& stage : stages) {
    ExecutorLimits limits;
    limits.slots = stage.slots;
    limits.batch_rows = stage.batch_rows;
    limits.costs = stage.costs;
    ServedStage& of_stage = served.stages.emplace_back();
    for (int lane = 0; lane < num_lanes; ++lane) {
      of_stage.lanes[lane] = {"cpu", limits};
    }
  }
  return served;
}

// A Scheduler with a fake clock and no lanes: tests take the plans themselves.
class LanelessScheduler {
 public:
  // Serves the cascade as version 0.
  LanelessScheduler(ServedCascade cascade, const Scheduler::Options& options)
      : scheduler_(options, {.clock = clock_,
                             .encoder = encoder_,
                             .encoding = encoding_,
                             .metrics = metrics_}) {
    scheduler_.AddCascade(0, std::move(cascade));
  }

  Scheduler& operator*() { return scheduler_; }
  Scheduler* operator->() { return &scheduler_; }
  FakeClock& clock() { return clock_; }
  Metrics& metrics() { return metrics_; }

 private:
  FakeClock clock_;
  PlainEncoder encoder_;
  ThreadPool encoding_{/*num_threads=*/1};
  Metrics metrics_{"test"};
  Scheduler scheduler_;
};

}  // namespace cascade
