#include "models/evaluation/classifier.h"

#include <ATen/Parallel.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/silu.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "models/nn/layers.h"
#include "models/runtime/torch_status.h"
#include "models/training/adam.h"
#include "models/training/example_source.h"
#include "models/training/flat_parameters.h"
#include "models/weights/module_weights.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int kWidths[] = {16, 32, 64};
constexpr int64_t kNormGroups = 8;
constexpr char kFormat[] = "cascade classifier 1";

class Network : public torch::nn::Module {
 public:
  Network(int channels, int classes) {
    int in = channels;
    for (int width : kWidths) {
      const std::string level = std::to_string(levels_.size());
      Level layers;
      layers.conv1 = register_module(
          "conv" + level + "a", std::make_shared<nn::Conv2d>(in, width, 3));
      layers.norm1 =
          register_module("norm" + level + "a",
                          std::make_shared<nn::GroupNorm>(kNormGroups, width));
      layers.conv2 = register_module(
          "conv" + level + "b", std::make_shared<nn::Conv2d>(width, width, 3));
      layers.norm2 =
          register_module("norm" + level + "b",
                          std::make_shared<nn::GroupNorm>(kNormGroups, width));
      levels_.push_back(layers);
      in = width;
    }
    out_ = register_module("out", std::make_shared<nn::Linear>(in, classes));
  }

  at::Tensor forward(at::Tensor x) {
    for (const Level& level : levels_) {
      x = at::silu(level.norm1->forward(level.conv1->forward(x)));
      x = at::silu(level.norm2->forward(level.conv2->forward(x)));
      x = at::avg_pool2d(x, {2, 2});
    }
    return out_->forward(x.mean({2, 3}));
  }

 private:
  struct Level {
    std::shared_ptr<nn::Conv2d> conv1, conv2;
    std::shared_ptr<nn::GroupNorm> norm1, norm2;
  };
  std::vector<Level> levels_;
  std::shared_ptr<nn::Linear> out_;
};

class ConvolutionalClassifier final : public Classifier {
 public:
  ConvolutionalClassifier(int size, int channels, int classes)
      : size_(size),
        channels_(channels),
        classes_(classes),
        network_(std::make_shared<Network>(channels, classes)) {}

  Network& network() { return *network_; }

  absl::Status Save(const std::string& path) const override {
    return CatchTorch([&] {
      return SaveModuleWeights(path, *network_,
                               {{"format", kFormat},
                                {"size", absl::StrCat(size_)},
                                {"channels", absl::StrCat(channels_)},
                                {"classes", absl::StrCat(classes_)}});
    });
  }

  absl::StatusOr<std::vector<int>> Classify(
      const ImageSet& images) const override {
    if (images.size != size_ || images.channels != channels_) {
      return absl::InvalidArgumentError(
          absl::StrCat("the images are ", images.size, "x", images.size, "x",
                       images.channels, ", the classifier takes ", size_, "x",
                       size_, "x", channels_));
    }
    return CatchTorch([&]() -> absl::StatusOr<std::vector<int>> {
      const at::NoGradGuard no_grad;
      const at::Tensor pixels =
          at::from_blob(const_cast<uint8_t*>(images.pixels.data()),
                        {images.count(), size_, size_, channels_},
                        at::TensorOptions().dtype(at::kByte));
      constexpr int64_t kBatch = 128;
      std::vector<int> classes;
      for (int64_t begin = 0; begin < images.count(); begin += kBatch) {
        const int64_t count = std::min(kBatch, images.count() - begin);
        const at::Tensor batch = pixels.narrow(0, begin, count)
                                     .permute({0, 3, 1, 2})
                                     .to(at::kFloat)
                                     .contiguous()
                                     .div_(127.5)
                                     .sub_(1);
        const at::Tensor best = network_->forward(batch).argmax(1);
        for (int64_t i = 0; i < count; ++i) {
          classes.push_back(best[i].item<int>());
        }
      }
      return classes;
    });
  }

 private:
  const int size_;
  const int channels_;
  const int classes_;
  const std::shared_ptr<Network> network_;
};

// The images are drawn and changed as a stage's training does it.
TrainConfig ConfigOf(const ImageSet& images,
                     const Classifier::Options& options) {
  TrainConfig config;
  config.stage.spec.resolution = images.size;
  config.stage.spec.channels = images.channels;
  config.seed = options.seed;
  config.image_augmentation = {.probability = 0.8,
                               .rotate_degrees = 10,
                               .shift = 0.06,
                               .scale = 0.1,
                               .shear = 0.1,
                               .flip = false};
  OptimizerOptions& optimizer = config.optimizer;
  optimizer.batch_size = options.batch_size;
  optimizer.steps =
      static_cast<int>(images.count() * options.epochs / options.batch_size);
  optimizer.learning_rate = options.learning_rate;
  optimizer.final_learning_rate = 0;
  optimizer.decay = LearningRateDecay::kCosine;
  optimizer.warmup_steps = 50;
  optimizer.weight_decay = 0.01;
  optimizer.ema_decay = 0.99;
  return config;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Classifier>> Classifier::Train(
    const ImageSet& images, const Options& options) {
  using Result = absl::StatusOr<std::unique_ptr<Classifier>>;
  return CatchTorch([&]() -> Result {
    at::set_num_threads(options.threads);
    at::manual_seed(options.seed);
    const TrainConfig config = ConfigOf(images, options);
    auto classifier = std::make_unique<ConvolutionalClassifier>(
        images.size, images.channels,
        static_cast<int>(images.class_names.size()));
    Network& network = classifier->network();
    FlatParameters parameters(network);
    Adam adam(config.optimizer, parameters.values(), parameters.gradients());
    ExampleSource examples(config, images);
    const int64_t steps_per_epoch =
        std::max<int64_t>(1, config.optimizer.steps / options.epochs);
    double loss_sum = 0;
    for (int64_t step = 0; step < config.optimizer.steps; ++step) {
      const ExampleBatch batch = examples.Draw(step);
      parameters.ZeroGradients();
      const at::Tensor loss =
          at::cross_entropy_loss(network.forward(batch.image), batch.class_id);
      loss.backward();
      adam.Step(step);
      loss_sum += loss.item<double>();
      if ((step + 1) % steps_per_epoch == 0) {
        if (options.report) {
          options.report(absl::StrFormat(
              "epoch %d/%d  loss %.4f", (step + 1) / steps_per_epoch,
              options.epochs, loss_sum / static_cast<double>(steps_per_epoch)));
        }
        loss_sum = 0;
      }
    }
    const at::NoGradGuard no_grad;
    parameters.values().copy_(adam.average());
    return classifier;
  });
}

absl::StatusOr<std::unique_ptr<Classifier>> Classifier::Load(
    const std::string& path) {
  ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Read(path));
  const auto number = [&](const char* key, int* value) {
    const auto found = file.metadata().find(key);
    return found != file.metadata().end() &&
           absl::SimpleAtoi(found->second, value) && *value > 0 &&
           *value < 100000;
  };
  const auto format = file.metadata().find("format");
  int size = 0;
  int channels = 0;
  int classes = 0;
  if (format == file.metadata().end() || format->second != kFormat ||
      !number("size", &size) || !number("channels", &channels) ||
      !number("classes", &classes)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not a classifier of cascade-model"));
  }
  using Result = absl::StatusOr<std::unique_ptr<Classifier>>;
  return CatchTorch([&]() -> Result {
    auto classifier =
        std::make_unique<ConvolutionalClassifier>(size, channels, classes);
    RETURN_IF_ERROR(LoadModuleWeights(file, classifier->network()));
    return classifier;
  });
}

absl::StatusOr<double> Classifier::Accuracy(const ImageSet& images) const {
  ASSIGN_OR_RETURN(const std::vector<int> found, Classify(images));
  int64_t right = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] == images.labels[i]) ++right;
  }
  return static_cast<double>(right) / static_cast<double>(images.count());
}

}  // namespace cascade
