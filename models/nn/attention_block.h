#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "models/nn/layers.h"
#include "models/nn/unet_config.h"

namespace cascade::nn {

// Self-attention over the pixels of an image, with a residual.
// Keys: norm, qkv, proj_out.
class AttentionBlock : public torch::nn::Module {
 public:
  AttentionBlock(int64_t channels, int64_t heads, AttentionOrder order,
                 int64_t norm_groups);

  at::Tensor forward(const at::Tensor& x);

 private:
  // [batch, 3 channels, pixels] -> [batch, channels, pixels].
  at::Tensor Attend(const at::Tensor& qkv) const;

  const int64_t heads_;
  const AttentionOrder order_;
  std::shared_ptr<GroupNorm> norm_;
  std::shared_ptr<Conv1x1> qkv_;
  std::shared_ptr<Conv1x1> proj_out_;
};

}  // namespace cascade::nn
