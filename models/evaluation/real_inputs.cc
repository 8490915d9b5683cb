#include "models/evaluation/real_inputs.h"

#include "absl/strings/str_cat.h"
#include "models/evaluation/image_digest.h"
#include "models/evaluation/shuffled_order.h"
#include "models/host_stage_output.h"

namespace cascade {
namespace {

// The mean of a factor x factor block, in [-1, 1].
float BlockMean(const ImageSet& images, size_t image, size_t channel, size_t y,
                size_t x, size_t factor) {
  const auto size = static_cast<size_t>(images.size);
  const auto channels = static_cast<size_t>(images.channels);
  int sum = 0;
  for (size_t dy = 0; dy < factor; ++dy) {
    for (size_t dx = 0; dx < factor; ++dx) {
      const size_t pixel =
          (image * size + y * factor + dy) * size + x * factor + dx;
      sum += images.pixels[pixel * channels + channel];
    }
  }
  return static_cast<float>(
      sum / (127.5 * static_cast<double>(factor * factor)) - 1);
}

}  // namespace

absl::StatusOr<RealInputs> RealInputs::Create(const ImageSet& images,
                                              int low_resolution,
                                              uint64_t seed) {
  if (images.count() == 0 || low_resolution < 1 ||
      images.size % low_resolution != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(images.count(), " real images of ", images.size, "x",
                     images.size, " cannot be reduced to ", low_resolution));
  }
  RealInputs inputs;
  inputs.low_resolution_ = low_resolution;
  inputs.channels_ = images.channels;
  inputs.description_ =
      absl::StrCat("real images ", ImageDigest(images), " reduced to ",
                   low_resolution, ", order ", seed);
  inputs.order_ = ShuffledOrder(images.count(), seed);
  inputs.labels_ = images.labels;
  const auto size = static_cast<size_t>(low_resolution);
  const auto factor = static_cast<size_t>(images.size / low_resolution);
  for (size_t image = 0; image < images.labels.size(); ++image) {
    for (size_t c = 0; c < static_cast<size_t>(images.channels); ++c) {
      for (size_t y = 0; y < size; ++y) {
        for (size_t x = 0; x < size; ++x) {
          inputs.values_.push_back(BlockMean(images, image, c, y, x, factor));
        }
      }
    }
  }
  return inputs;
}

size_t RealInputs::Place(int64_t index) const {
  const auto count = static_cast<int64_t>(order_.size());
  return static_cast<size_t>(order_[static_cast<size_t>(index % count)]);
}

std::shared_ptr<const StageOutput> RealInputs::InputOf(int64_t index) const {
  const auto elements = static_cast<std::ptrdiff_t>(low_resolution_) *
                        low_resolution_ * channels_;
  const auto first =
      values_.begin() + static_cast<std::ptrdiff_t>(Place(index)) * elements;
  return std::make_shared<HostStageOutput>(
      channels_, low_resolution_, std::vector<float>(first, first + elements));
}

int RealInputs::LabelOf(int64_t index) const { return labels_[Place(index)]; }

}  // namespace cascade
