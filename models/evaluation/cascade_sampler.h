#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"

namespace cascade {

// How one stage is run; by default as its package says.
struct StageSampling {
  SamplerOptions sampler;
  double augmentation_level = 0;
};

struct SampledImage {
  uint64_t image_seed = 0;
  std::optional<int> class_id;
  // One a stage, from the base on.
  std::vector<HostImage> pixels;
};

// Runs all stages of a cascade in the calling thread, in large batches: what
// the server does, without scheduling. For evaluation and for a look at a
// package.
class CascadeSampler {
 public:
  // `model` must outlive it. One StageSampling a stage; none: the defaults.
  static absl::StatusOr<std::unique_ptr<CascadeSampler>> Create(
      const CascadeModel& model, std::vector<StageSampling> stages = {});

  // Image i has seed first_seed + i and class class_ids[i].
  absl::StatusOr<std::vector<SampledImage>> Sample(
      uint64_t first_seed, std::span<const std::optional<int>> class_ids);

  static std::vector<StageSampling> Defaults(const CascadeSpec& spec);

 private:
  struct Stage {
    std::unique_ptr<StageExecutor> executor;
    std::shared_ptr<const SamplerTable> table;
    double augmentation_level = 0;
  };
  // An image between two stages.
  struct Progress {
    SampledImage image;
    std::shared_ptr<const StageOutput> output;
  };

  CascadeSampler() = default;
  // Runs one stage of images that fit one batch.
  static absl::Status RunStage(Stage& stage, std::span<Progress> images);
  static size_t BatchImages(const Stage& stage);

  std::vector<Stage> stages_;
};

}  // namespace cascade
