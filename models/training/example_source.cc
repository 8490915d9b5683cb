#include "models/training/example_source.h"

#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/affine_grid_generator.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/grid_sampler_2d.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "models/sampling/counter_noise.h"

namespace cascade {
namespace {

// Uniform numbers an image's changes take: whether, rotation, two shifts, two
// scales, shear, flip.
constexpr int kDrawsPerImage = 8;

constexpr int64_t kBicubic = 2;
constexpr int64_t kBorder = 1;

NoiseKey KeyOf(const TrainConfig& config, NoisePurpose purpose, int64_t step) {
  return {.seed = config.seed,
          .stage = static_cast<uint32_t>(config.stage.spec.index),
          .purpose = purpose,
          .step = static_cast<uint32_t>(step)};
}

at::Tensor ReducedByArea(const at::Tensor& images, int64_t size) {
  if (images.size(2) == size) return images;
  return at::adaptive_avg_pool2d(images, {size, size});
}

// The matrix from places of the changed image to places of the original.
void WriteAffine(const ImageAugmentation& limits, const double* draws,
                 float* matrix) {
  std::fill_n(matrix, 6, 0.0f);
  matrix[0] = matrix[4] = 1.0f;
  if (draws[0] < limits.probability) {
    const auto within = [](double draw, double limit) {
      return (2 * draw - 1) * limit;
    };
    const double angle =
        within(draws[1], limits.rotate_degrees) * std::numbers::pi / 180;
    const double scale_x = 1 / (1 + within(draws[4], limits.scale));
    const double scale_y = 1 / (1 + within(draws[5], limits.scale));
    const double shear = within(draws[6], limits.shear);
    const double c = std::cos(angle);
    const double s = std::sin(angle);
    matrix[0] = static_cast<float>(scale_x * c);
    matrix[1] = static_cast<float>(scale_x * (c * shear - s));
    matrix[3] = static_cast<float>(scale_y * s);
    matrix[4] = static_cast<float>(scale_y * (s * shear + c));
    // Places run from -1 to 1: twice the fraction.
    matrix[2] = static_cast<float>(within(draws[2], 2 * limits.shift));
    matrix[5] = static_cast<float>(within(draws[3], 2 * limits.shift));
  }
  if (limits.flip && draws[7] < 0.5) {
    matrix[0] = -matrix[0];
    matrix[3] = -matrix[3];
  }
}

}  // namespace

ExampleSource::ExampleSource(const TrainConfig& config, ImageSet images)
    : config_(config), images_(std::move(images)) {
  pixels_ = at::from_blob(
      const_cast<uint8_t*>(images_.pixels.data()),
      {images_.count(), images_.size, images_.size, images_.channels},
      at::TensorOptions().dtype(at::kByte));
}

int64_t ExampleSource::ImageAt(int64_t position) {
  const int64_t epoch = position / count();
  if (epoch != epoch_) {
    std::vector<double> draws(static_cast<size_t>(count()));
    FillUniform(KeyOf(config_, NoisePurpose::kTrainingShuffle, epoch), draws);
    order_.resize(static_cast<size_t>(count()));
    std::iota(order_.begin(), order_.end(), 0);
    for (size_t i = order_.size() - 1; i > 0; --i) {
      std::swap(
          order_[i],
          order_[static_cast<size_t>(draws[i] * static_cast<double>(i + 1))]);
    }
    epoch_ = epoch;
  }
  return order_[static_cast<size_t>(position % count())];
}

at::Tensor ExampleSource::Pixels(const std::vector<int64_t>& indices) const {
  return pixels_.index_select(0, at::tensor(indices))
      .permute({0, 3, 1, 2})
      .to(at::kFloat)
      .contiguous()
      .div_(127.5)
      .sub_(1);
}

at::Tensor ExampleSource::Augmented(const at::Tensor& images,
                                    int64_t step) const {
  const ImageAugmentation& limits = config_.image_augmentation;
  if (limits.probability == 0 && !limits.flip) return images;
  const int64_t batch = images.size(0);
  std::vector<double> draws(static_cast<size_t>(batch * kDrawsPerImage));
  FillUniform(KeyOf(config_, NoisePurpose::kTrainingImage, step), draws);
  at::Tensor matrices = at::empty({batch, 2, 3});
  for (int64_t i = 0; i < batch; ++i) {
    WriteAffine(limits, draws.data() + i * kDrawsPerImage,
                matrices.mutable_data_ptr<float>() + i * 6);
  }
  const at::Tensor grid = at::affine_grid_generator(matrices, images.sizes(),
                                                    /*align_corners=*/false);
  return at::grid_sampler_2d(images, grid, kBicubic, kBorder,
                             /*align_corners=*/false)
      .clamp_(-1, 1);
}

ExampleBatch ExampleSource::Reduced(const at::Tensor& images) const {
  ExampleBatch batch;
  batch.image = ReducedByArea(images, config_.stage.spec.resolution);
  if (config_.stage.spec.low_resolution > 0) {
    batch.low_res = ReducedByArea(images, config_.stage.spec.low_resolution);
  }
  return batch;
}

ExampleBatch ExampleSource::Draw(int64_t step) {
  const int64_t size = config_.optimizer.batch_size;
  std::vector<int64_t> indices(static_cast<size_t>(size));
  std::vector<int64_t> labels(indices.size());
  std::vector<double> dropped(indices.size());
  FillUniform(KeyOf(config_, NoisePurpose::kTrainingLabelDropout, step),
              dropped);
  for (size_t i = 0; i < indices.size(); ++i) {
    indices[i] = ImageAt(step * size + static_cast<int64_t>(i));
    labels[i] = dropped[i] < config_.optimizer.label_dropout
                    ? config_.stage.network.num_classes
                    : images_.labels[static_cast<size_t>(indices[i])];
  }
  ExampleBatch batch = Reduced(Augmented(Pixels(indices), step));
  batch.class_id = at::tensor(labels);
  return batch;
}

ExampleBatch ExampleSource::Examples(int64_t count) const {
  // The i-th image of the grid has the i-th class, round and round.
  const auto classes = static_cast<int64_t>(images_.class_names.size());
  std::vector<int64_t> indices;
  std::vector<int64_t> labels;
  std::vector<int64_t> next(static_cast<size_t>(classes), 0);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = i % classes;
    int64_t& from = next[static_cast<size_t>(label)];
    const auto begin = images_.labels.begin();
    auto found = std::find(begin + from, images_.labels.end(), label);
    if (found == images_.labels.end()) {
      found = std::find(begin, images_.labels.end(), label);
    }
    if (found == images_.labels.end()) found = begin;  // An empty class.
    from = found - begin + 1;
    indices.push_back(found - begin);
    labels.push_back(label);
  }
  ExampleBatch batch = Reduced(Pixels(indices));
  batch.class_id = at::tensor(labels);
  return batch;
}

}  // namespace cascade
