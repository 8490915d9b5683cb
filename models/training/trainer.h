#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/training/train_config.h"

namespace cascade {

// How a training runs, as against what it trains.
struct TrainRun {
  std::string device = "cpu";  // "cpu", "cuda" or "cuda:N".
  bool bfloat16 =
      false;           // Convolutions and matrix products; weights stay fp32.
  int threads = 1;     // Intra-op threads on the CPU.
  bool resume = true;  // From output/checkpoint.safetensors, if it is there.
  int64_t stop_after = 0;  // Steps done in all, then stop; 0: all.
  // Set from a signal handler: the training saves and returns.
  const std::atomic<bool>* stop = nullptr;
  // Gets one line at a time.
  std::function<void(const std::string&)> report;
};

// Trains one stage from start to end, or until `run.stop`. Writes into
// config.output: checkpoint.safetensors, samples-STEP.png, log.csv.
absl::Status Train(const TrainConfig& config, const TrainRun& run);

}  // namespace cascade
