#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "models/nn/res_block.h"
#include "models/nn/unet_config.h"

namespace cascade::nn {

// The parameter under a key relative to a block; throws for one that is
// missing.
using BlockWeights = std::function<at::Tensor(const std::string& key)>;

// What a residual block of a plan is, beside its weights.
struct ResBlockShape {
  bool scale_shift_norm = true;
  int64_t norm_groups = 32;
  Resampling resampling = Resampling::kNone;
  bool has_skip_convolution = false;
  // Of the skip connection that the block joins to x; 0: it joins none. Such
  // a block does not resample.
  int64_t second_channels = 0;
  // Where the block's part of all blocks' embeddings begins.
  int64_t embedding_offset = 0;
};

// What an attention block of a plan is, beside its weights.
struct AttentionShape {
  int64_t heads = 1;
  AttentionOrder order = AttentionOrder::kLegacy;
  int64_t norm_groups = 32;
};

// A layer of a plan.
struct PlanLayer {
  // Of channels-last images x, which it may change unless it is a block's
  // first; of `second`, the skip connection that a residual block joins, with
  // the channels that follow x's, otherwise undefined; and of every block's
  // `embeddings`, [batch, all], float.
  std::function<at::Tensor(at::Tensor x, const at::Tensor& second,
                           const at::Tensor& embeddings)>
      run;
  int64_t weight_bytes = 0;
};

// Makes the layers of a plan, with copies of their weights, for one kind of
// device. `downsampling` is that of the images that come in: 1, 2, 4 ...
//
// They throw what LibTorch throws.
class PlanLayers {
 public:
  virtual ~PlanLayers() = default;

  // "Same" convolution: with a stride of 2 if it is to halve the images, of
  // repeated pixels if it is to double them. Keys: weight, bias.
  virtual PlanLayer MakeConvolution(const BlockWeights& weights,
                                    Resampling resampling,
                                    int64_t downsampling) const = 0;
  // Keys as nn::ResBlock, but for emb_layers, which made the `embeddings`.
  virtual PlanLayer MakeResBlock(const BlockWeights& weights,
                                 const ResBlockShape& shape,
                                 int64_t downsampling) const = 0;
  // Keys as nn::AttentionBlock.
  virtual PlanLayer MakeAttention(const BlockWeights& weights,
                                  const AttentionShape& shape,
                                  int64_t downsampling) const = 0;
  // Norm, SiLU and convolution to the network's output. In floats: it is small,
  // and its output is what is told apart. Keys: 0.*, 2.*.
  virtual PlanLayer MakeOutput(const BlockWeights& weights,
                               int64_t norm_groups) const = 0;
};

}  // namespace cascade::nn
