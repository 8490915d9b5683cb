#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace cascade {

// How the qkv channels of an attention block are laid out. Both have the same
// shapes, so the wrong one loads without an error and gives garbage.
enum class AttentionOrder {
  kLegacy,  // [head][q, k, v][width]
  kNew,     // [q, k, v][head][width]
};

// The shape of a guided-diffusion U-Net (Dhariwal & Nichol 2021): everything
// that decides its parameters and its arithmetic.
struct UNetConfig {
  int image_channels = 3;  // Of x, without the low-resolution input.
  int out_channels = 3;    // Twice image_channels with a learned variance.
  int model_channels = 64;
  // Width of each level, as a multiple of model_channels; each level after the
  // first has half the resolution of the one before.
  std::vector<double> channel_mult = {1, 2};
  int num_res_blocks = 2;
  // Downsampling factors at which attention blocks follow the residual blocks.
  std::vector<int> attention_downsampling;
  int num_heads = 4;
  int num_head_channels = 0;  // Width of a head; 0: num_heads decides.
  AttentionOrder attention_order = AttentionOrder::kLegacy;
  int num_classes = 0;           // 0: unconditional.
  bool null_class = false;       // One more row, the last, for "no class".
  bool scale_shift_norm = true;  // Otherwise the embedding is added.
  bool resblock_updown = true;   // Otherwise `conv_resample` decides.
  bool conv_resample = true;     // Convolution, or plain pooling and nearest.
  int norm_groups = 32;
  // x is joined by a low-resolution image, enlarged to the same size.
  bool super_resolution = false;
  // The network is told the level of its input's augmentation.
  bool augmentation_embedding = false;
  double dropout = 0;  // In training only.

  // INVALID_ARGUMENT naming the field and its value for a net that cannot be
  // built.
  absl::Status Validate() const;
  int level_channels(int level) const;
  // Attention heads of a block of `channels`, which the heads must divide.
  int64_t heads(int64_t channels) const;
};

}  // namespace cascade
