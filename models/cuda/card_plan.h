#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "models/cuda/card_layers.h"
#include "models/nn/layers.h"
#include "models/nn/timestep_embedding.h"
#include "models/nn/unet.h"
#include "models/nn/unet_config.h"

namespace cascade {

// nn::UNet in inference on a card, built once from the same weights: as
// models/plan/unet_plan.h, with cuDNN's convolutions, ATen's attention and our
// norm. Queues on the current stream and waits for nothing, so that it can be
// captured.
//
// Its outputs are the modules' but for rounding. Immutable; Run() may be called
// on several threads at once, without gradients.
class CardPlan {
 public:
  // Copies what it needs of `unet`. Throws what LibTorch throws.
  CardPlan(const nn::UNet& unet, const CardMath& math);
  ~CardPlan();

  // As nn::UNet::forward(): [batch, out_channels, size, size], float, of
  // whatever strides. The input is on the card.
  at::Tensor Run(const nn::UNetInput& input) const;

  int64_t weight_bytes() const { return weight_bytes_; }

 private:
  // One numbered entry of input_blocks, middle_block or output_blocks: its
  // steps, of which the first may join a skip connection.
  using Step =
      std::function<at::Tensor(const at::Tensor& x, const at::Tensor& second,
                               const at::Tensor& embeddings)>;
  using Sequence = std::vector<Step>;

  class Builder;

  at::Tensor Embeddings(const nn::UNetInput& input) const;

  const UNetConfig config_;
  const CardMath math_;
  int64_t weight_bytes_ = 0;
  std::shared_ptr<nn::TimestepEmbedding> time_embed_;
  std::shared_ptr<nn::Embedding> label_emb_;          // Null: unconditional.
  std::shared_ptr<nn::TimestepEmbedding> aug_embed_;  // Null: not told.
  std::shared_ptr<nn::Linear> block_embeddings_;      // Of all blocks.
  std::vector<Sequence> input_blocks_;
  Sequence middle_block_;
  std::vector<Sequence> output_blocks_;
  std::unique_ptr<const CardNorm> out_norm_;
  std::unique_ptr<const CardConv> out_conv_;
};

}  // namespace cascade
