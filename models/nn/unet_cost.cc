#include "models/nn/unet_cost.h"

#include <algorithm>
#include <vector>

namespace cascade {
namespace {

// Adds up the layers in the order of the network.
class Counter {
 public:
  Counter(const UNetConfig& config, int resolution)
      : config_(config),
        embedding_width_(4 * config.model_channels),
        pixels_(int64_t{resolution} * resolution) {}

  UNetCost Count();

 private:
  void Conv(int64_t in, int64_t out, int64_t kernel) {
    const int64_t weights = in * out * kernel * kernel;
    cost_.parameters += weights + out;
    cost_.macs += weights * pixels_;
  }
  void Linear(int64_t in, int64_t out) {
    cost_.parameters += in * out + out;
    cost_.macs += in * out;
  }
  void Norm(int64_t channels) { cost_.parameters += 2 * channels; }

  // `pixels_after`: of the block's convolutions, if it resamples.
  void Res(int64_t in, int64_t out, int64_t pixels_after) {
    pixels_ = pixels_after;
    Norm(in);
    Conv(in, out, 3);
    Linear(embedding_width_, config_.scale_shift_norm ? 2 * out : out);
    Norm(out);
    Conv(out, out, 3);
    if (in != out) Conv(in, out, 1);
  }
  void Attention(int64_t channels) {
    Norm(channels);
    Conv(channels, 3 * channels, 1);
    cost_.macs += 2 * channels * pixels_ * pixels_;
    Conv(channels, channels, 1);
  }
  void ResampleTo(int64_t channels, int64_t pixels) {
    if (config_.resblock_updown) {
      Res(channels, channels, pixels);
      return;
    }
    pixels_ = pixels;
    if (config_.conv_resample) Conv(channels, channels, 3);
  }
  bool AttendsAt(int level) const {
    const auto& factors = config_.attention_downsampling;
    return std::find(factors.begin(), factors.end(), 1 << level) !=
           factors.end();
  }

  const UNetConfig config_;
  const int64_t embedding_width_;
  int64_t pixels_;
  UNetCost cost_;
};

UNetCost Counter::Count() {
  const int levels = static_cast<int>(config_.channel_mult.size());
  const int embeddings = config_.augmentation_embedding ? 2 : 1;
  for (int i = 0; i < embeddings; ++i) {
    Linear(config_.model_channels, embedding_width_);
    Linear(embedding_width_, embedding_width_);
  }
  if (config_.num_classes > 0) {
    cost_.parameters +=
        (config_.num_classes + (config_.null_class ? 1 : 0)) * embedding_width_;
  }

  int64_t channels = config_.level_channels(0);
  Conv(config_.image_channels * (config_.super_resolution ? 2 : 1), channels,
       3);
  std::vector<int64_t> skips = {channels};
  for (int level = 0; level < levels; ++level) {
    for (int i = 0; i < config_.num_res_blocks; ++i) {
      Res(channels, config_.level_channels(level), pixels_);
      channels = config_.level_channels(level);
      if (AttendsAt(level)) Attention(channels);
      skips.push_back(channels);
    }
    if (level + 1 < levels) {
      ResampleTo(channels, pixels_ / 4);
      skips.push_back(channels);
    }
  }

  Res(channels, channels, pixels_);
  Attention(channels);
  Res(channels, channels, pixels_);

  for (int level = levels - 1; level >= 0; --level) {
    for (int i = 0; i <= config_.num_res_blocks; ++i) {
      Res(channels + skips.back(), config_.level_channels(level), pixels_);
      skips.pop_back();
      channels = config_.level_channels(level);
      if (AttendsAt(level)) Attention(channels);
    }
    if (level > 0) ResampleTo(channels, pixels_ * 4);
  }
  Norm(channels);
  Conv(channels, config_.out_channels, 3);
  return cost_;
}

}  // namespace

UNetCost CostOf(const UNetConfig& config, int resolution) {
  return Counter(config, resolution).Count();
}

}  // namespace cascade
