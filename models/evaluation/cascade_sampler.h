#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"

namespace cascade {

// How one stage is run; by default as its package says.
struct StageSampling {
  SamplerOptions sampler;
  double augmentation_level = 0;
  // kTruncated: the stage below stops at the level.
  AugmentationMode augmentation_mode = AugmentationMode::kNonTruncated;
};

struct SampledImage {
  uint64_t image_seed = 0;
  std::optional<int> class_id;
  // One a stage, from the base on.
  std::vector<HostImage> pixels;
};

// One image for one stage.
struct StageTask {
  uint64_t image_seed = 0;
  std::optional<int> class_id;
  // The stage below's image; null for a base.
  std::shared_ptr<const StageOutput> input;
};

struct StageResult {
  std::shared_ptr<const StageOutput> output;  // What the next stage takes.
  HostImage pixels;
};

// Runs the stages of a cascade in the calling thread, in large batches: what
// the server does, without scheduling. For evaluation and for a look at a
// package.
//
// An executor is made (and its stage loaded and measured) when the stage is
// first run. Owned by one thread.
class CascadeSampler {
 public:
  // `model` must outlive it. One StageSampling a stage, from the base on and
  // perhaps not up to the last; none: the defaults. They run on `device`, "cpu"
  // or "cuda:N"; one that is not there is refused when a stage is first run.
  static absl::StatusOr<std::unique_ptr<CascadeSampler>> Create(
      const CascadeModel& model, std::vector<StageSampling> stages = {},
      std::string device = "cpu");

  // Image i has seed first_seed + i and class class_ids[i].
  absl::StatusOr<std::vector<SampledImage>> Sample(
      uint64_t first_seed, std::span<const std::optional<int>> class_ids);

  // Runs one stage. Result i is task i's, and does not depend on the others.
  absl::StatusOr<std::vector<StageResult>> SampleStage(
      size_t stage, std::span<const StageTask> tasks);

  static std::vector<StageSampling> Defaults(const CascadeSpec& spec);

 private:
  struct Stage {
    std::unique_ptr<StageExecutor> executor;  // Null: not run yet.
    std::shared_ptr<const SamplerTable> table;
    double augmentation_level = 0;
  };

  CascadeSampler(const CascadeModel& model, std::string device)
      : model_(model), device_(std::move(device)) {}
  // Runs one stage of images that fit one batch; appends to `results`.
  static absl::Status RunBatch(Stage& stage, std::span<const StageTask> tasks,
                               std::vector<StageResult>* results);
  static size_t BatchImages(const Stage& stage);

  const CascadeModel& model_;
  const std::string device_;
  std::vector<Stage> stages_;
};

}  // namespace cascade
