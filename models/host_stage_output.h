#pragma once

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "models/stage_executor.h"

namespace cascade {

// A stage's image in host memory: a stage state that came back, or an image
// from elsewhere. `values` are channels x height x width, nominally in [-1, 1].
class HostStageOutput final : public StageOutput {
 public:
  // `values.size() == channels * resolution * resolution`.
  HostStageOutput(int channels, int resolution, std::vector<float> values,
                  int noise_index = 0)
      : channels_(channels),
        resolution_(resolution),
        noise_index_(noise_index),
        values_(std::move(values)) {}

  int resolution() const override { return resolution_; }
  int channels() const override { return channels_; }
  int noise_index() const override { return noise_index_; }
  absl::StatusOr<std::vector<float>> ToHost() const override { return values_; }

 private:
  const int channels_;
  const int resolution_;
  const int noise_index_;
  const std::vector<float> values_;
};

}  // namespace cascade
