#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "server/base/clock.h"
#include "server/base/logging.h"
#include "server/base/thread_pool.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/pipeline.h"
#include "server/scheduler/scheduler.h"
#include "tests/support/plain_encoder.h"
#include "tests/support/scripted_cascade.h"

namespace cascade {

// The whole engine, real scheduler and real lanes, over scripted cascades.
class ScriptedEngine {
 public:
  ScriptedEngine(std::vector<const CascadeModel*> models,
                 Scheduler::Options options, const Clock& clock = RealClock(),
                 int max_queued_images = 1024);
  // Lets blocked steps pass only if the test did: unblock them first.
  ~ScriptedEngine();

  Scheduler& scheduler() { return *scheduler_; }
  PlainEncoder& encoder() { return encoder_; }
  Executor& encoding() { return encoding_; }
  Metrics& metrics() { return metrics_; }
  Logger& logger() { return logger_; }

 private:
  Metrics metrics_{"test"};
  Logger logger_;
  PlainEncoder encoder_;
  ThreadPool encoding_{/*num_threads=*/2};
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Pipeline> pipeline_;
};

// A request for all stages of a cascade with its defaults.
GenerationRequest MakeRequest(const CascadeSpec& spec, uint64_t seed = 1,
                              int image_count = 1);

}  // namespace cascade
