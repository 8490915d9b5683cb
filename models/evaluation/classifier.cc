#include "models/evaluation/classifier.h"

#include <ATen/Parallel.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "models/evaluation/class_accuracy.h"
#include "models/evaluation/classifier_network.h"
#include "models/runtime/torch_status.h"
#include "models/sha256.h"
#include "models/training/adam.h"
#include "models/training/example_source.h"
#include "models/training/flat_parameters.h"
#include "models/weights/module_weights.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Of the weights, in the order of their names.
std::string DigestOf(const torch::nn::Module& module) {
  std::string digests;
  for (const auto& parameter : module.named_parameters()) {
    const at::Tensor values = parameter.value().detach().contiguous();
    digests += Sha256Hex(
        {static_cast<const std::byte*>(values.data_ptr()), values.nbytes()});
  }
  return Sha256Hex(std::as_bytes(std::span(digests)));
}

class ConvolutionalClassifier final : public Classifier {
 public:
  ConvolutionalClassifier(const ClassifierShape& shape,
                          std::vector<std::string> class_names)
      : shape_(shape),
        class_names_(std::move(class_names)),
        network_(std::make_shared<ClassifierNetwork>(shape)) {}

  ClassifierNetwork& network() { return *network_; }
  // Call it when the weights are final.
  void SetId() {
    id_ = absl::StrCat("classifier ", shape_.size, "x", shape_.size, "x",
                       shape_.channels, " ", DigestOf(*network_));
  }

  const std::string& id() const override { return id_; }
  int size() const override { return shape_.size; }
  int channels() const override { return shape_.channels; }
  const std::vector<std::string>& class_names() const override {
    return class_names_;
  }

  absl::Status Save(const std::string& path) const override {
    return CatchTorch([&] {
      return SaveModuleWeights(path, *network_,
                               ClassifierMetadata(shape_, class_names_));
    });
  }

  absl::StatusOr<FeatureSet> Run(const ImageSet& images) const override {
    if (images.size != shape_.size || images.channels != shape_.channels) {
      return absl::InvalidArgumentError(
          absl::StrCat("the images are ", images.size, "x", images.size, "x",
                       images.channels, ", the classifier takes ", shape_.size,
                       "x", shape_.size, "x", shape_.channels));
    }
    return CatchTorch([&]() -> absl::StatusOr<FeatureSet> {
      const at::NoGradGuard no_grad;
      const at::Tensor pixels = at::from_blob(
          const_cast<uint8_t*>(images.pixels.data()),
          {images.count(), images.size, images.size, images.channels},
          at::TensorOptions().dtype(at::kByte));
      constexpr int64_t kBatch = 128;
      FeatureSet set;
      for (int64_t begin = 0; begin < images.count(); begin += kBatch) {
        const int64_t count = std::min(kBatch, images.count() - begin);
        const at::Tensor batch = pixels.narrow(0, begin, count)
                                     .permute({0, 3, 1, 2})
                                     .to(at::kFloat)
                                     .contiguous()
                                     .div_(127.5)
                                     .sub_(1);
        const at::Tensor features = network_->Features(batch).contiguous();
        const at::Tensor probabilities =
            at::softmax(network_->Logits(features), 1).contiguous();
        set.dimensions = static_cast<int>(features.size(1));
        set.classes = static_cast<int>(probabilities.size(1));
        set.count += count;
        Append(features, &set.features);
        Append(probabilities, &set.probabilities);
      }
      return set;
    });
  }

 private:
  static void Append(const at::Tensor& rows, std::vector<float>* values) {
    const float* first = rows.const_data_ptr<float>();
    values->insert(values->end(), first, first + rows.numel());
  }

  const ClassifierShape shape_;
  const std::vector<std::string> class_names_;
  const std::shared_ptr<ClassifierNetwork> network_;
  std::string id_;
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
                               .flip = options.flip};
  OptimizerOptions& optimizer = config.optimizer;
  optimizer.batch_size =
      static_cast<int>(std::min<int64_t>(options.batch_size, images.count()));
  optimizer.steps =
      static_cast<int>(images.count() * options.epochs / optimizer.batch_size);
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
  if (images.size < 8 || images.class_names.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a classifier takes images of 8x8 or more and two classes or more, "
        "not ",
        images.size, "x", images.size, " and ", images.class_names.size()));
  }
  if (images.count() == 0 || options.batch_size < 1 || options.epochs < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot train on ", images.count(), " images in batches of ",
        options.batch_size, " for ", options.epochs, " epochs"));
  }
  if (options.width < ClassifierNetwork::kNormGroups ||
      options.width % ClassifierNetwork::kNormGroups != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("width ", options.width, " is no multiple of ",
                     ClassifierNetwork::kNormGroups));
  }
  using Result = absl::StatusOr<std::unique_ptr<Classifier>>;
  return CatchTorch([&]() -> Result {
    at::set_num_threads(options.threads);
    at::manual_seed(options.seed);
    const TrainConfig config = ConfigOf(images, options);
    auto classifier = std::make_unique<ConvolutionalClassifier>(
        ClassifierShape{.size = images.size,
                        .channels = images.channels,
                        .classes = static_cast<int>(images.class_names.size()),
                        .width = options.width,
                        .levels = ClassifierShape::LevelsFor(images.size)},
        images.class_names);
    ClassifierNetwork& network = classifier->network();
    FlatParameters parameters(network);
    Adam adam(config.optimizer, parameters.values(), parameters.gradients());
    ExampleSource examples(config, images);
    const int64_t steps_per_epoch =
        std::max<int64_t>(1, config.optimizer.steps / options.epochs);
    double loss_sum = 0;
    for (int64_t step = 0; step < config.optimizer.steps; ++step) {
      const ExampleBatch batch = examples.Draw(step);
      parameters.ZeroGradients();
      const at::Tensor loss = at::cross_entropy_loss(
          network.Logits(network.Features(batch.image)), batch.class_id);
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
    classifier->SetId();
    return classifier;
  });
}

absl::StatusOr<std::unique_ptr<Classifier>> Classifier::Load(
    const std::string& path) {
  ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Read(path));
  ASSIGN_OR_RETURN(const ClassifierShape shape, ReadClassifierShape(file));
  ASSIGN_OR_RETURN(std::vector<std::string> class_names,
                   ReadClassifierNames(file, shape.classes));
  using Result = absl::StatusOr<std::unique_ptr<Classifier>>;
  return CatchTorch([&]() -> Result {
    auto classifier = std::make_unique<ConvolutionalClassifier>(
        shape, std::move(class_names));
    RETURN_IF_ERROR(LoadModuleWeights(file, classifier->network()));
    classifier->SetId();
    return classifier;
  });
}

absl::StatusOr<std::vector<int>> Classifier::Classify(
    const ImageSet& images) const {
  ASSIGN_OR_RETURN(const FeatureSet set, Run(images));
  std::vector<int> classes;
  for (auto row = set.probabilities.begin(); row != set.probabilities.end();
       row += set.classes) {
    classes.push_back(
        static_cast<int>(std::max_element(row, row + set.classes) - row));
  }
  return classes;
}

absl::StatusOr<double> Classifier::Accuracy(const ImageSet& images) const {
  ASSIGN_OR_RETURN(const FeatureSet set, Run(images));
  ASSIGN_OR_RETURN(const ClassAccuracy accuracy,
                   MeasureClassAccuracy(set, images.labels));
  return accuracy.top1;
}

}  // namespace cascade
