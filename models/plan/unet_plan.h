#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/nn/layers.h"
#include "models/nn/timestep_embedding.h"
#include "models/nn/unet.h"
#include "models/nn/unet_config.h"
#include "models/plan/packed_conv.h"
#include "models/plan/planned_block.h"
#include "models/plan/planned_norm.h"

namespace cascade {

// nn::UNet in inference on the CPU, built once from the same weights:
// channels-last, convolutions with packed weights that add to their residual,
// norms in one pass with what follows them, fused attention, and every block's
// embedding in one product.
//
// Its outputs are the modules' but for rounding. Immutable; Run() may be called
// on several threads at once, without gradients.
class UNetPlan {
 public:
  struct Options {
    at::ScalarType dtype = at::kFloat;  // Or kBFloat16, of what is between.
    int64_t size = 0;                   // Of the images: height and width.
    int64_t batch = 8;  // That oneDNN is to choose its layouts for.
  };

  // Copies what it needs of `unet`. Throws what LibTorch throws.
  UNetPlan(const nn::UNet& unet, const Options& options);
  ~UNetPlan();

  // As nn::UNet::forward(): [batch, out_channels, size, size], float, of
  // whatever strides.
  at::Tensor Run(const nn::UNetInput& input) const;

  int64_t weight_bytes() const { return weight_bytes_; }

 private:
  // One numbered entry of input_blocks, middle_block or output_blocks: its
  // steps, of which the first may join a skip connection.
  using Step = std::function<at::Tensor(at::Tensor x, const at::Tensor& second,
                                        const at::Tensor& embeddings)>;
  using Sequence = std::vector<Step>;

  class Builder;

  at::Tensor Embeddings(const nn::UNetInput& input) const;

  const UNetConfig config_;
  const Options options_;
  int64_t weight_bytes_ = 0;
  std::shared_ptr<nn::TimestepEmbedding> time_embed_;
  std::shared_ptr<nn::Embedding> label_emb_;          // Null: unconditional.
  std::shared_ptr<nn::TimestepEmbedding> aug_embed_;  // Null: not told.
  std::shared_ptr<nn::Linear> block_embeddings_;      // Of all blocks.
  std::vector<Sequence> input_blocks_;
  Sequence middle_block_;
  std::vector<Sequence> output_blocks_;
  std::unique_ptr<const PlannedNorm> out_norm_;
  std::unique_ptr<const PackedConv> out_conv_;
};

}  // namespace cascade
