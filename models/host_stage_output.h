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
  HostStageOutput(int channels, int resolution, std::vector<float> values)
      : channels_(channels),
        resolution_(resolution),
        values_(std::move(values)) {}

  int resolution() const override { return resolution_; }
  int channels() const override { return channels_; }
  absl::StatusOr<std::vector<float>> ToHost() const override { return values_; }

 private:
  const int channels_;
  const int resolution_;
  const std::vector<float> values_;
};

}  // namespace cascade
