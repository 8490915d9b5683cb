#include "models/nn/unet_config.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::Status CheckRange(const char* field, double value, double low,
                        double high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " must be in ", low, "..", high, ", is ", value));
}

}  // namespace

int UNetConfig::level_channels(int level) const {
  return static_cast<int>(channel_mult[static_cast<size_t>(level)] *
                          model_channels);
}

int64_t UNetConfig::heads(int64_t channels) const {
  return num_head_channels > 0 ? channels / num_head_channels : num_heads;
}

absl::Status UNetConfig::Validate() const {
  RETURN_IF_ERROR(CheckRange("image_channels", image_channels, 1, 64));
  if (out_channels != image_channels && out_channels != 2 * image_channels) {
    return absl::InvalidArgumentError(
        absl::StrCat("out_channels must be image_channels or twice that (",
                     image_channels, "), is ", out_channels));
  }
  RETURN_IF_ERROR(CheckRange("model_channels", model_channels, 2, 8192));
  RETURN_IF_ERROR(CheckRange("num_res_blocks", num_res_blocks, 1, 64));
  RETURN_IF_ERROR(CheckRange("num_heads", num_heads, 1, 1024));
  RETURN_IF_ERROR(CheckRange("num_head_channels", num_head_channels, 0, 8192));
  RETURN_IF_ERROR(CheckRange("num_classes", num_classes, 0, 1000000));
  RETURN_IF_ERROR(CheckRange("norm_groups", norm_groups, 1, 1024));
  RETURN_IF_ERROR(CheckRange("dropout", dropout, 0, 0.99));
  if (null_class && num_classes == 0) {
    return absl::InvalidArgumentError(
        "null_class needs num_classes > 0, which is 0");
  }
  if (augmentation_embedding && !super_resolution) {
    return absl::InvalidArgumentError(
        "augmentation_embedding needs super_resolution, which is false");
  }
  if (model_channels % 2 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model_channels must be even, is ", model_channels));
  }
  if (channel_mult.empty() || channel_mult.size() > 10) {
    return absl::InvalidArgumentError(absl::StrCat(
        "channel_mult must have 1..10 entries, has ", channel_mult.size()));
  }
  for (int ds : attention_downsampling) {
    if (ds < 1 || ds > 512 || (ds & (ds - 1)) != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "attention_downsampling must hold powers of two up to 512, has ",
          ds));
    }
  }
  for (size_t level = 0; level < channel_mult.size(); ++level) {
    const int channels = level_channels(static_cast<int>(level));
    if (channel_mult[level] <= 0 || channels < 1 || channels > 65536) {
      return absl::InvalidArgumentError(absl::StrCat(
          "channel_mult[", level, "] gives ", channels, " channels"));
    }
    if (channels % norm_groups != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("norm_groups (", norm_groups, ") must divide the ",
                       channels, " channels of channel_mult[", level, "]"));
    }
    const int heads_divisor =
        num_head_channels > 0 ? num_head_channels : num_heads;
    // The middle block attends whatever attention_downsampling says.
    const bool attends =
        level + 1 == channel_mult.size() ||
        std::find(attention_downsampling.begin(), attention_downsampling.end(),
                  1 << level) != attention_downsampling.end();
    if (attends && channels % heads_divisor != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          num_head_channels > 0 ? "num_head_channels (" : "num_heads (",
          heads_divisor, ") must divide the ", channels,
          " channels of channel_mult[", level, "]"));
    }
  }
  return absl::OkStatus();
}

}  // namespace cascade
