#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "models/cuda/card_layers.h"
#include "models/nn/res_block.h"
#include "models/nn/unet_config.h"

namespace cascade {

// The parameter under a key relative to a block; throws for one that is
// missing.
using CardWeights = std::function<at::Tensor(const std::string& key)>;

// x at half or twice the size, or itself.
at::Tensor CardResampled(const at::Tensor& x, nn::Resampling resampling);

// nn::ResBlock in inference. Immutable.
class CardResBlock {
 public:
  struct Options {
    bool scale_shift_norm = true;
    int64_t norm_groups = 32;
    nn::Resampling resampling = nn::Resampling::kNone;
    bool has_skip_convolution = false;
    // Where the block's part of all blocks' embeddings begins.
    int64_t embedding_offset = 0;
  };
  CardResBlock(const CardWeights& weights, const Options& options,
               const CardMath& math);

  // x and, where the block joins a skip connection, `second` with the channels
  // that follow. `embeddings` has every block's, [batch, all], float.
  at::Tensor Run(const at::Tensor& x, const at::Tensor& second,
                 const at::Tensor& embeddings) const;
  int64_t weight_bytes() const;

 private:
  const Options options_;
  const at::ScalarType dtype_;
  const CardNorm in_norm_;
  const CardConv in_conv_;
  const CardNorm out_norm_;
  const CardConv out_conv_;
  std::optional<CardConv> skip_;
};

// nn::AttentionBlock in inference. Immutable.
class CardAttention {
 public:
  CardAttention(const CardWeights& weights, int64_t heads, AttentionOrder order,
                int64_t norm_groups, const CardMath& math);

  at::Tensor Run(const at::Tensor& x) const;
  int64_t weight_bytes() const;

 private:
  const int64_t heads_;
  const AttentionOrder order_;
  const at::ScalarType dtype_;
  const CardNorm norm_;
  const CardLinear qkv_;
  const CardLinear proj_;
};

}  // namespace cascade
