#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "models/nn/layers.h"
#include "models/nn/plan_layers.h"
#include "models/nn/timestep_embedding.h"
#include "models/nn/unet.h"
#include "models/nn/unet_config.h"

namespace cascade::nn {

// UNet in inference: its layers as a plan has them, in the order of UNet's
// constructor, with every block's embedding in one product. Embeddings are
// computed in floats, by the modules.
//
// Immutable; Run() may be called on several threads at once, without gradients.
class PlannedUNet {
 public:
  // Copies what it needs of `unet`. Images are of `dtype` between the layers,
  // which `layers` makes for `device`. Throws what LibTorch throws.
  PlannedUNet(const UNet& unet, const PlanLayers& layers, at::Device device,
              at::ScalarType dtype);
  ~PlannedUNet();
  PlannedUNet(const PlannedUNet&) = delete;
  PlannedUNet& operator=(const PlannedUNet&) = delete;

  // As UNet::forward(), with an input on the device: [batch, out_channels,
  // size, size], float, of whatever strides.
  at::Tensor Run(const UNetInput& input) const;

  int64_t weight_bytes() const { return weight_bytes_; }

 private:
  // One numbered entry of input_blocks, middle_block or output_blocks, of whose
  // layers the first may join a skip connection.
  using Sequence = std::vector<PlanLayer>;

  class Builder;

  at::Tensor Embeddings(const UNetInput& input) const;

  const UNetConfig config_;
  const at::ScalarType dtype_;
  int64_t weight_bytes_ = 0;
  std::shared_ptr<TimestepEmbedding> time_embed_;
  std::shared_ptr<Embedding> label_emb_;          // Null: unconditional.
  std::shared_ptr<TimestepEmbedding> aug_embed_;  // Null: not told.
  std::shared_ptr<Linear> block_embeddings_;      // Of all blocks.
  std::vector<Sequence> input_blocks_;
  Sequence middle_block_;
  std::vector<Sequence> output_blocks_;
  PlanLayer output_;
};

}  // namespace cascade::nn
