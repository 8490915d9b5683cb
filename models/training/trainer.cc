#include "models/training/trainer.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "models/nn/unet.h"
#include "models/runtime/torch_device.h"
#include "models/runtime/torch_status.h"
#include "models/sampling/augmentation.h"
#include "models/training/adam.h"
#include "models/training/checkpoint.h"
#include "models/training/diffusion_loss.h"
#include "models/training/example_source.h"
#include "models/training/flat_parameters.h"
#include "models/training/reference_sampler.h"
#include "models/training/sample_grid.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kGridColumns = 10;
constexpr int kGridRows = 6;

// Runs eligible operations of its scope in bfloat16, with the casts of the
// weights kept until it ends.
class Bfloat16Scope {
 public:
  Bfloat16Scope(bool enabled, c10::DeviceType device)
      : device_(device),
        was_enabled_(at::autocast::is_autocast_enabled(device)) {
    at::autocast::set_autocast_enabled(device, enabled);
    at::autocast::set_autocast_dtype(device, at::kBFloat16);
  }
  ~Bfloat16Scope() {
    at::autocast::set_autocast_enabled(device_, was_enabled_);
    at::autocast::clear_cache();
  }
  Bfloat16Scope(const Bfloat16Scope&) = delete;
  Bfloat16Scope& operator=(const Bfloat16Scope&) = delete;

 private:
  const c10::DeviceType device_;
  const bool was_enabled_;
};

// Seeds what dropout draws from, by seed and step alone.
void SeedDropout(uint64_t seed, int64_t step) {
  // SplitMix64's increment keeps neighbouring steps' seeds far apart.
  at::manual_seed(seed +
                  0x9e3779b97f4a7c15ULL * static_cast<uint64_t>(step + 1));
}

std::string Duration(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60,
                         whole % 60);
}

// One training in progress.
class Training {
 public:
  Training(const TrainConfig& config, const TrainRun& run, ImageSet images,
           std::optional<ImageSet> test_images, at::Device device)
      : config_(config),
        run_(run),
        device_(device),
        network_(std::make_shared<nn::UNet>(config.stage.network)),
        examples_(config, std::move(images)),
        loss_(config, device) {
    if (test_images) test_examples_.emplace(config, *std::move(test_images));
    network_->to(device);
    parameters_.emplace(*network_);
    adam_.emplace(config.optimizer, parameters_->values(),
                  parameters_->gradients());
  }

  absl::Status Run();

 private:
  std::string Path(const std::string& name) const {
    return (std::filesystem::path(config_.output) / name).string();
  }
  absl::Status Resume();
  absl::Status Save();
  // Returns the loss's squared-error part.
  double Step();
  absl::Status Sample();
  void Report(double mean_error, double gradient_norm);
  void Say(const std::string& line) const {
    if (run_.report) run_.report(line);
  }
  bool ShouldStop() const { return run_.stop && run_.stop->load(); }

  const TrainConfig config_;
  const TrainRun run_;
  const at::Device device_;
  std::shared_ptr<nn::UNet> network_;
  ExampleSource examples_;
  std::optional<ExampleSource> test_examples_;
  DiffusionLoss loss_;
  std::optional<FlatParameters> parameters_;
  std::optional<Adam> adam_;
  int64_t step_ = 0;  // Steps done.
  double gradient_norm_ = 0;
  SteadyClock::time_point report_time_ = SteadyClock::now();
  int64_t report_step_ = 0;
};

absl::Status Training::Resume() {
  const std::string path = Path("checkpoint.safetensors");
  if (!run_.resume || !std::filesystem::exists(path)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const CheckpointHeader header,
                   LoadCheckpoint(path, *parameters_, *adam_));
  if (header.seed != config_.seed) {
    return absl::InvalidArgumentError(
        absl::StrCat("seed is ", config_.seed, ", but ", path,
                     " was trained with ", header.seed));
  }
  // How the stage is sampled, and its dropout, may change on the way.
  ASSIGN_OR_RETURN(StageManifest saved, ParseStage(header.stage_json, path));
  saved.spec.default_sampler = config_.stage.spec.default_sampler;
  saved.spec.augmentation.default_level =
      config_.stage.spec.augmentation.default_level;
  saved.spec.augmentation.default_mode =
      config_.stage.spec.augmentation.default_mode;
  saved.spec.handover = config_.stage.spec.handover;
  saved.network.dropout = config_.stage.network.dropout;
  if (StageText(saved) != StageText(config_.stage)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the stage is not the one that ", path,
                     " was trained as, which is ", header.stage_json));
  }
  step_ = header.step;
  Say(absl::StrCat("resuming at step ", step_));
  return absl::OkStatus();
}

absl::Status Training::Save() {
  return SaveCheckpoint(Path("checkpoint.safetensors"),
                        {.step = step_,
                         .seed = config_.seed,
                         .stage_json = StageText(config_.stage)},
                        *parameters_, *adam_);
}

double Training::Step() {
  network_->train();
  const ExampleBatch batch = examples_.Draw(step_);
  SeedDropout(config_.seed, step_);
  parameters_->ZeroGradients();
  DiffusionLoss::Result result;
  {
    const Bfloat16Scope scope(run_.bfloat16, device_.type());
    result = loss_.Compute(*network_, batch, step_);
  }
  result.loss.backward();
  gradient_norm_ = adam_->Step(step_);
  ++step_;
  return result.mean_error.item<double>();
}

absl::Status Training::Sample() {
  ASSIGN_OR_RETURN(const SamplerTable table,
                   CompileSampler(config_.stage.spec.diffusion,
                                  config_.stage.spec.default_sampler));
  const at::NoGradGuard no_grad;
  network_->eval();
  const at::Tensor trained = parameters_->values().clone();
  parameters_->values().copy_(adam_->average());

  const ExampleSource& source = test_examples_ ? *test_examples_ : examples_;
  const int64_t count = kGridColumns * kGridRows;
  const ExampleBatch batch = source.Examples(count);
  ReferenceSample sample;
  sample.key.stage = static_cast<uint32_t>(config_.stage.spec.index);
  sample.key.seed = 1;
  sample.input.class_id = batch.class_id.to(device_);
  if (config_.stage.network.null_class) {
    sample.null_class_id =
        at::full_like(sample.input.class_id, config_.stage.network.num_classes);
  }
  if (config_.stage.spec.low_resolution > 0) {
    const AugmentationSpec& augmentation = config_.stage.spec.augmentation;
    const NoiseSchedule schedule(augmentation.schedule,
                                 augmentation.num_timesteps);
    const int index =
        AugmentationAtLevel(schedule, augmentation.default_level).index;
    const at::Tensor low_res = batch.low_res.to(device_);
    const std::vector<int> indices(static_cast<size_t>(count),
                                   augmentation.enabled ? index : 0);
    sample.input.low_res =
        loss_.Condition(low_res, indices, at::randn_like(low_res));
    sample.input.augmentation = at::tensor(indices).to(device_, at::kFloat);
  }
  at::Tensor images = RunSampler(*network_, table, batch.image.sizes(), sample);
  parameters_->values().copy_(trained);

  if (config_.stage.spec.low_resolution > 0) {
    // Rows of three: the input, the sample, the truth.
    const at::Tensor enlarged =
        nn::EnlargeLowResolution(batch.low_res, config_.stage.spec.resolution,
                                 config_.stage.spec.upsampling);
    std::vector<at::Tensor> rows;
    for (int64_t row = 0; row < kGridRows; ++row) {
      for (const at::Tensor& set : {enlarged, images.cpu(), batch.image}) {
        rows.push_back(set.narrow(0, row * kGridColumns, kGridColumns));
      }
    }
    images = at::cat(rows);
  }
  return WriteImageGrid(Path(absl::StrFormat("samples-%06d.png", step_)),
                        images, kGridColumns,
                        std::max(1, 64 / config_.stage.spec.resolution));
}

void Training::Report(double mean_error, double gradient_norm) {
  const SteadyClock::time_point now = SteadyClock::now();
  const double seconds =
      std::chrono::duration<double>(now - report_time_).count();
  const auto steps = static_cast<double>(step_ - report_step_);
  report_time_ = now;
  report_step_ = step_;
  const double images_per_second =
      steps * config_.optimizer.batch_size / seconds;
  const double left =
      static_cast<double>(config_.optimizer.steps - step_) * seconds / steps;
  const double rate = LearningRate(config_.optimizer, step_);
  Say(absl::StrFormat(
      "%s step %d/%d  loss %.5f  gradient %.3f  lr %.2e  %.1f images/s  "
      "%s left",
      config_.stage.spec.name, step_, config_.optimizer.steps, mean_error,
      gradient_norm, rate, images_per_second, Duration(left)));
  std::ofstream(Path("log.csv"), std::ios::app)
      << absl::StrFormat("%d,%.6f,%.4f,%.3e,%.1f\n", step_, mean_error,
                         gradient_norm, rate, images_per_second);
}

absl::Status Training::Run() {
  RETURN_IF_ERROR(Resume());
  Say(absl::StrFormat("%s: %d parameters, %d images", config_.stage.spec.name,
                      parameters_->parameter_count(), examples_.count()));
  const int64_t last =
      run_.stop_after > 0
          ? std::min<int64_t>(run_.stop_after, config_.optimizer.steps)
          : config_.optimizer.steps;
  report_time_ = SteadyClock::now();
  report_step_ = step_;
  double error_sum = 0;
  double norm_sum = 0;
  int count = 0;
  while (step_ < last && !ShouldStop()) {
    const double error = Step();
    if (!std::isfinite(error)) {
      return absl::InternalError(
          absl::StrCat("the loss of step ", step_ - 1,
                       " is not finite; the last checkpoint is unharmed"));
    }
    error_sum += error;
    norm_sum += gradient_norm_;
    ++count;
    if (step_ % config_.log_every == 0) {
      Report(error_sum / count, norm_sum / count);
      error_sum = norm_sum = 0;
      count = 0;
    }
    if (step_ % config_.checkpoint_every == 0) RETURN_IF_ERROR(Save());
    if (step_ % config_.sample_every == 0) RETURN_IF_ERROR(Sample());
  }
  RETURN_IF_ERROR(Save());
  Say(absl::StrCat(ShouldStop() ? "stopped" : "finished", " at step ", step_,
                   ", saved ", Path("checkpoint.safetensors")));
  return absl::OkStatus();
}

}  // namespace

absl::Status Train(const TrainConfig& config, const TrainRun& run) {
  ASSIGN_OR_RETURN(const at::Device device, ParseDevice(run.device));
  ASSIGN_OR_RETURN(ImageSet images,
                   ReadImageFolder(config.train_folder, config.cache_resolution,
                                   config.stage.spec.channels));
  const auto classes = static_cast<int>(images.class_names.size());
  if (config.stage.network.num_classes > 0 &&
      config.stage.network.num_classes != classes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "network.num_classes is ", config.stage.network.num_classes, ", but ",
        config.train_folder, " has ", classes, " classes"));
  }
  std::optional<ImageSet> test_images;
  if (!config.test_folder.empty()) {
    ASSIGN_OR_RETURN(test_images, ReadImageFolder(config.test_folder,
                                                  config.cache_resolution,
                                                  config.stage.spec.channels));
    if (config.stage.network.num_classes > 0 &&
        test_images->class_names != images.class_names) {
      return absl::InvalidArgumentError(absl::StrCat(
          config.test_folder, " has other classes than ", config.train_folder));
    }
  }
  std::error_code error;
  std::filesystem::create_directories(config.output, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot create ", config.output, ": ", error.message()));
  }
  return CatchTorch([&] {
    at::set_num_threads(run.threads);
    // The initial weights are the seed's, too.
    at::manual_seed(config.seed);
    Training training(config, run, std::move(images), std::move(test_images),
                      device);
    return training.Run();
  });
}

}  // namespace cascade
