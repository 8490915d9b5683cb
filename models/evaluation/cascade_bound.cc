#include "models/evaluation/cascade_bound.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/evaluation/shuffled_order.h"
#include "models/evaluation/stage_bound.h"
#include "models/nn/resample.h"
#include "models/nn/unet.h"
#include "models/runtime/torch_device.h"
#include "models/runtime/torch_status.h"
#include "models/sampling/augmentation.h"
#include "models/sampling/counter_noise.h"
#include "models/sampling/noise_conditioning.h"
#include "models/weights/module_weights.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// One stage's network and the estimate of its bound.
struct Stage {
  StageManifest manifest;
  std::shared_ptr<nn::UNet> network;
  AugmentationPoint augmentation;  // Of its input.
  std::unique_ptr<StageBound> bound;
};

// What the images of one call look like to all stages.
struct Batch {
  at::Tensor levels;    // [images, channels, size, size] of the last stage, 0
                        // to 255, double.
  at::Tensor class_id;  // [images], int64.
  std::vector<int64_t> numbers;
};

// `levels` (0 .. 255) reduced to `size` by area, rounded to 8 bits again, and
// scaled to [-1, 1].
at::Tensor ReducedTo8Bits(at::Tensor levels, int64_t size) {
  if (levels.size(2) != size) {
    levels = at::adaptive_avg_pool2d(levels, {size, size}).round();
  }
  return levels / 127.5 - 1;
}

class TorchCascadeBound final : public CascadeBound {
 public:
  TorchCascadeBound(CascadeManifest manifest, const BoundOptions& options,
                    at::Device device)
      : manifest_(std::move(manifest)), options_(options), device_(device) {}

  absl::Status Load(const std::string& package);

  const CascadeManifest& manifest() const override { return manifest_; }
  absl::Status Add(const ImageSet& images,
                   std::span<const int64_t> numbers) override;
  const BoundReport& report() const override { return report_; }
  absl::Status Restore(const BoundReport& report) override;

 private:
  absl::StatusOr<std::vector<int64_t>> ClassesOf(const ImageSet& images) const;
  absl::Status CheckImages(const ImageSet& images) const;
  std::vector<ImageBound> BoundsOf(Stage& stage, const Batch& batch);
  at::Tensor InputOf(const Stage& stage, const Batch& batch) const;

  const CascadeManifest manifest_;
  const BoundOptions options_;
  const at::Device device_;
  std::vector<Stage> stages_;
  BoundReport report_;
  // The sums of a report that was restored.
  std::vector<StageBoundReport> earlier_;
};

absl::Status TorchCascadeBound::Load(const std::string& package) {
  ASSIGN_OR_RETURN(const std::vector<StageBoundPlan> plans,
                   PlanBound(manifest_, options_));
  for (size_t i = 0; i < manifest_.stages.size(); ++i) {
    Stage stage;
    stage.manifest = manifest_.stages[i];
    const StageSpec& spec = stage.manifest.spec;
    ASSIGN_OR_RETURN(const SafetensorsFile weights,
                     ReadStageWeights(package, stage.manifest));
    {
      const nn::UninitializedScope uninitialized;
      stage.network = std::make_shared<nn::UNet>(stage.manifest.network);
    }
    RETURN_IF_ERROR(LoadModuleWeights(weights, *stage.network));
    stage.network->to(device_);
    stage.network->eval();
    stage.augmentation = plans[i].augmentation;
    stage.bound = std::make_unique<StageBound>(
        spec.diffusion,
        StageBound::Options{.first_timestep = plans[i].first_timestep,
                            .timesteps_per_image = options_.timesteps_per_image,
                            .batch_rows = options_.batch_rows,
                            .seed = options_.seed,
                            .stage = static_cast<int>(i)});
    const auto timesteps = static_cast<size_t>(spec.diffusion.num_timesteps);
    report_.stages.push_back(
        {.name = spec.name,
         .resolution = spec.resolution,
         .values = int64_t{spec.channels} * spec.resolution * spec.resolution,
         .augmentation_level = plans[i].augmentation_level,
         .augmentation_index = stage.augmentation.index,
         .first_timestep = plans[i].first_timestep,
         .prior = {},
         .steps = {},
         .decoder = {},
         .total = {},
         .timestep_sums = std::vector<double>(timesteps, 0),
         .timestep_evaluations = std::vector<int64_t>(timesteps, 0)});
    stages_.push_back(std::move(stage));
  }
  earlier_ = report_.stages;
  return absl::OkStatus();
}

absl::Status TorchCascadeBound::CheckImages(const ImageSet& images) const {
  const StageSpec& last = manifest_.stages.back().spec;
  if (images.size != last.resolution || images.channels != last.channels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the images are ", images.size, "x", images.size, " with ",
        images.channels, " channels, the last stage's ", last.resolution, "x",
        last.resolution, " with ", last.channels));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> TorchCascadeBound::ClassesOf(
    const ImageSet& images) const {
  const std::vector<std::string>& names = manifest_.class_names;
  std::vector<int64_t> classes(images.class_names.size(), 0);
  if (names.empty()) return classes;
  for (size_t i = 0; i < classes.size(); ++i) {
    const auto found =
        std::find(names.begin(), names.end(), images.class_names[i]);
    if (found == names.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the images have a class \"", images.class_names[i],
                       "\", which the cascade has not"));
    }
    classes[i] = found - names.begin();
  }
  return classes;
}

at::Tensor TorchCascadeBound::InputOf(const Stage& stage,
                                      const Batch& batch) const {
  const StageSpec& spec = stage.manifest.spec;
  const at::Tensor low_res =
      ReducedTo8Bits(batch.levels, spec.low_resolution).to(at::kFloat);
  at::Tensor noise = at::empty(low_res.sizes());
  const auto elements = static_cast<size_t>(low_res.numel() / low_res.size(0));
  auto* values = noise.mutable_data_ptr<float>();
  for (int64_t number : batch.numbers) {
    FillNormal({.seed = options_.seed + static_cast<uint64_t>(number),
                .stage = static_cast<uint32_t>(spec.index),
                .purpose = NoisePurpose::kBoundAugmentation},
               {values, elements});
    values += elements;
  }
  return nn::EnlargeLowResolution(
      low_res * stage.augmentation.signal + noise * stage.augmentation.noise,
      spec.resolution, spec.upsampling);
}

std::vector<ImageBound> TorchCascadeBound::BoundsOf(Stage& stage,
                                                    const Batch& batch) {
  const StageSpec& spec = stage.manifest.spec;
  const NoiseSchedule schedule(spec.diffusion.schedule,
                               spec.diffusion.num_timesteps);
  at::Tensor low_res;
  if (spec.low_resolution > 0) low_res = InputOf(stage, batch);
  const auto network = [&](const at::Tensor& x_t,
                           const std::vector<int>& timesteps,
                           const std::vector<int64_t>& images) {
    std::vector<float> told;
    for (int t : timesteps) {
      told.push_back(static_cast<float>(
          ToldNoise(spec.diffusion.conditioning, t, schedule.alpha_bar(t))));
    }
    const at::Tensor rows = at::tensor(images);
    nn::UNetInput input{
        .x = x_t.to(device_),
        .timestep = at::tensor(told).to(device_),
        .class_id = batch.class_id.index_select(0, rows).to(device_),
        .low_res = {},
        .augmentation = {}};
    if (spec.low_resolution > 0) {
      input.low_res = low_res.index_select(0, rows).to(device_);
      input.augmentation =
          at::full({rows.size(0)}, stage.augmentation.index,
                   at::TensorOptions(at::kFloat).device(device_));
    }
    return stage.network->forward(input);
  };
  return stage.bound->Evaluate(ReducedTo8Bits(batch.levels, spec.resolution),
                               batch.numbers, network);
}

absl::Status TorchCascadeBound::Add(const ImageSet& images,
                                    std::span<const int64_t> numbers) {
  RETURN_IF_ERROR(CheckImages(images));
  ASSIGN_OR_RETURN(const std::vector<int64_t> classes, ClassesOf(images));
  return CatchTorch([&]() -> absl::Status {
    at::set_num_threads(options_.threads);
    const at::NoGradGuard no_grad;
    const at::Tensor pixels = at::from_blob(
        const_cast<uint8_t*>(images.pixels.data()),
        {images.count(), images.size, images.size, images.channels},
        at::TensorOptions().dtype(at::kByte));
    Batch batch;
    batch.numbers.assign(numbers.begin(), numbers.end());
    batch.levels = pixels.index_select(0, at::tensor(batch.numbers))
                       .permute({0, 3, 1, 2})
                       .to(at::kDouble)
                       .contiguous();
    std::vector<int64_t> class_ids;
    for (int64_t number : numbers) {
      class_ids.push_back(classes[static_cast<size_t>(
          images.labels[static_cast<size_t>(number)])]);
    }
    batch.class_id = at::tensor(class_ids);
    std::vector<double> totals(numbers.size(), 0);
    for (size_t k = 0; k < stages_.size(); ++k) {
      const std::vector<ImageBound> bounds = BoundsOf(stages_[k], batch);
      StageBoundReport& report = report_.stages[k];
      for (size_t i = 0; i < bounds.size(); ++i) {
        report.prior.Add(bounds[i].prior);
        report.steps.Add(bounds[i].steps);
        report.decoder.Add(bounds[i].decoder);
        report.total.Add(bounds[i].total());
        totals[i] += bounds[i].total();
      }
      const std::vector<TimestepBound>& sums = stages_[k].bound->timesteps();
      for (size_t t = 0; t < sums.size(); ++t) {
        report.timestep_sums[t] = earlier_[k].timestep_sums[t] + sums[t].sum;
        report.timestep_evaluations[t] =
            earlier_[k].timestep_evaluations[t] + sums[t].evaluations;
      }
    }
    if (options_.kind != BoundKind::kStages) {
      for (double total : totals) report_.total.Add(total);
    }
    report_.images += static_cast<int64_t>(numbers.size());
    return absl::OkStatus();
  });
}

absl::Status TorchCascadeBound::Restore(const BoundReport& report) {
  bool fits = report.stages.size() == report_.stages.size();
  for (size_t k = 0; fits && k < report.stages.size(); ++k) {
    const StageBoundReport& ours = report_.stages[k];
    const StageBoundReport& theirs = report.stages[k];
    fits =
        ours.name == theirs.name &&
        ours.timestep_sums.size() == theirs.timestep_sums.size() &&
        ours.timestep_evaluations.size() == theirs.timestep_evaluations.size();
  }
  if (!fits) {
    return absl::InvalidArgumentError("the report is of other stages");
  }
  report_ = report;
  earlier_ = report.stages;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<CascadeBound>> CascadeBound::Create(
    const std::string& package, const BoundOptions& options) {
  ASSIGN_OR_RETURN(const at::Device device, ParseDevice(options.device));
  ASSIGN_OR_RETURN(CascadeManifest manifest, ReadManifest(package));
  auto bound =
      std::make_unique<TorchCascadeBound>(std::move(manifest), options, device);
  RETURN_IF_ERROR(CatchTorch([&] { return bound->Load(package); }));
  return bound;
}

std::vector<int64_t> BoundOrder(int64_t count, uint64_t seed) {
  return ShuffledOrder(count, seed, 0, NoisePurpose::kBoundOrder);
}

}  // namespace cascade
