#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "models/nn/res_block.h"
#include "models/nn/unet_config.h"
#include "models/plan/packed_conv.h"
#include "models/plan/planned_norm.h"

namespace cascade {

// The parameter under a key relative to a block; throws for one that is
// missing.
using BlockWeights = std::function<at::Tensor(const std::string& key)>;

// x at half or twice the size, or itself.
at::Tensor Resampled(const at::Tensor& x, nn::Resampling resampling);

// nn::ResBlock in inference. Immutable.
class PlannedResBlock {
 public:
  struct Options {
    bool scale_shift_norm = true;
    int64_t norm_groups = 32;
    nn::Resampling resampling = nn::Resampling::kNone;
    bool has_skip_convolution = false;
    // Of the skip connection that the block joins to x; 0: it joins none. Such
    // a block does not resample.
    int64_t second_channels = 0;
    // Where the block's part of all blocks' embeddings begins.
    int64_t embedding_offset = 0;
  };
  // `conv` is of what comes in, with a stride of 1.
  PlannedResBlock(const BlockWeights& weights, const Options& options,
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

  const Options options_;
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
  PlannedAttention(const BlockWeights& weights, int64_t heads,
                   AttentionOrder order, int64_t norm_groups,
                   const PackedConv::Options& conv);

  // Adds what it finds to x, which nobody else may hold.
  at::Tensor Run(at::Tensor x) const;

  int64_t weight_bytes() const {
    return norm_.weight_bytes() + qkv_.weight_bytes() + proj_.weight_bytes();
  }

 private:
  const int64_t heads_;
  const AttentionOrder order_;
  const at::ScalarType dtype_;
  const PlannedNorm norm_;
  const PackedConv qkv_;
  const PackedConv proj_;
};

}  // namespace cascade
