#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "models/cuda/card_layers.h"
#include "models/nn/plan_layers.h"
#include "models/nn/unet_config.h"

namespace cascade {

// nn::ResBlock in inference. Immutable.
class CardResBlock {
 public:
  CardResBlock(const nn::BlockWeights& weights, const nn::ResBlockShape& shape,
               const CardMath& math);

  // x and, where the block joins a skip connection, `second` with the channels
  // that follow. `embeddings` has every block's, [batch, all], float.
  at::Tensor Run(const at::Tensor& x, const at::Tensor& second,
                 const at::Tensor& embeddings) const;
  int64_t weight_bytes() const;

 private:
  const nn::ResBlockShape shape_;
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
  CardAttention(const nn::BlockWeights& weights,
                const nn::AttentionShape& shape, const CardMath& math);

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
