#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "models/nn/layers.h"

namespace cascade::nn {

enum class Resampling { kNone, kDown, kUp };

// Residual block: norm, SiLU, convolution; the embedding scales and shifts the
// second norm, or is added before it; SiLU, dropout, convolution.
//
// Keys: in_layers.{0,2}, emb_layers.1, out_layers.{0,3}, and skip_connection
// where the number of channels changes.
class ResBlock : public torch::nn::Module {
 public:
  struct Options {
    int64_t in_channels = 0;
    int64_t out_channels = 0;
    int64_t embedding_width = 0;
    int64_t norm_groups = 32;
    bool scale_shift_norm = true;
    // Resamples both paths inside the block, without parameters.
    Resampling resampling = Resampling::kNone;
    double dropout = 0;
  };
  explicit ResBlock(const Options& options);

  at::Tensor forward(const at::Tensor& x, const at::Tensor& embedding);

 private:
  at::Tensor Resample(const at::Tensor& x) const;

  const Options options_;
  std::shared_ptr<GroupNorm> in_norm_;
  std::shared_ptr<Conv2d> in_conv_;
  std::shared_ptr<Linear> embedding_linear_;
  std::shared_ptr<GroupNorm> out_norm_;
  std::shared_ptr<Conv2d> out_conv_;
  std::shared_ptr<Conv2d> skip_connection_;  // Null: identity.
};

}  // namespace cascade::nn
