#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "models/nn/plan_layers.h"
#include "models/nn/unet_config.h"
#include "models/plan/instruction_set.h"
#include "models/plan/packed_conv.h"
#include "models/plan/planned_norm.h"

namespace cascade {

// nn::ResBlock in inference. Immutable.
class PlannedResBlock {
 public:
  // `conv` is of what comes in, with a stride of 1.
  PlannedResBlock(const nn::BlockWeights& weights,
                  const nn::ResBlockShape& shape,
                  const PackedConv::Options& conv);

  // x and, where the block joins a skip connection, `second` with its
  // channels, which follow x's. `embeddings` has every block's, [batch, all],
  // float.
  at::Tensor Run(const at::Tensor& x, const at::Tensor& second,
                 const at::Tensor& embeddings) const;

  int64_t weight_bytes() const;

 private:
  // What the block learned, h before its last convolution, and the two inputs.
  at::Tensor AddSkipOfTwo(const at::Tensor& x, const at::Tensor& second,
                          const at::Tensor& h) const;

  const nn::ResBlockShape shape_;
  const at::ScalarType dtype_;
  const PlannedNorm in_norm_;
  const PackedConv in_conv_;
  const int64_t channels_;  // That come out.
  const PlannedNorm out_norm_;
  const PackedConv out_conv_;
  std::optional<PackedConv> skip_;
  std::optional<PackedConv> second_skip_;
};

// nn::AttentionBlock in inference. Immutable.
class PlannedAttention {
 public:
  PlannedAttention(const nn::BlockWeights& weights,
                   const nn::AttentionShape& shape,
                   const PackedConv::Options& conv);

  // Adds what it finds to x, which nobody else may hold.
  at::Tensor Run(at::Tensor x) const;

  int64_t weight_bytes() const {
    return norm_.weight_bytes() + qkv_.weight_bytes() + proj_.weight_bytes();
  }

 private:
  // Of the queries, keys and values [batch, 3 channels, height, width].
  at::Tensor AttendFused(const at::Tensor& qkv) const;
  template <typename T>
  void AttendTyped(const at::Tensor& qkv, at::Tensor& out) const;
  at::Tensor AttendByAten(const at::Tensor& qkv) const;

  const int64_t heads_;
  const AttentionOrder order_;
  const at::ScalarType dtype_;
  const PlannedNorm norm_;
  const PackedConv qkv_;
  const PackedConv proj_;
  const std::optional<InstructionSet> instructions_;  // None: ATen attends.
};

}  // namespace cascade
