#include "models/cuda/card_blocks.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "models/nn/resampled.h"

namespace cascade {

CardResBlock::CardResBlock(const nn::BlockWeights& weights,
                           const nn::ResBlockShape& shape, const CardMath& math)
    : shape_(shape),
      dtype_(math.dtype),
      in_norm_(weights("in_layers.0.weight"), weights("in_layers.0.bias"),
               shape.norm_groups, math),
      in_conv_(weights("in_layers.2.weight"), {}, 1, math),
      out_norm_(weights("out_layers.0.weight"), weights("out_layers.0.bias"),
                shape.norm_groups, math, weights("in_layers.2.bias")),
      out_conv_(weights("out_layers.3.weight"),
                shape.has_skip_convolution ? at::Tensor()
                                           : weights("out_layers.3.bias"),
                1, math) {
  if (shape.has_skip_convolution) {
    // The two are added up, and so are their biases.
    skip_.emplace(
        weights("skip_connection.weight"),
        weights("skip_connection.bias") + weights("out_layers.3.bias"), 1,
        math);
  }
}

at::Tensor CardResBlock::Run(const at::Tensor& x, const at::Tensor& second,
                             const at::Tensor& embeddings) const {
  at::Tensor h = in_norm_.Run(x, second, {}, dtype_);
  h = in_conv_.Run(nn::Resampled(h, shape_.resampling));
  const int64_t channels = in_conv_.out_channels();
  CardNorm::Extras extras;
  const at::Tensor own =
      embeddings.narrow(1, shape_.embedding_offset,
                        shape_.scale_shift_norm ? 2 * channels : channels);
  if (shape_.scale_shift_norm) {
    extras.scale = own.narrow(1, 0, channels);
    extras.shift = own.narrow(1, channels, channels);
  } else {
    extras.add = own;
  }
  h = out_conv_.Run(out_norm_.Run(h, {}, extras, dtype_));
  const at::Tensor joined = second.defined() ? at::cat({x, second}, 1) : x;
  const at::Tensor skipped = nn::Resampled(joined, shape_.resampling);
  return h.add_(skip_ ? skip_->Run(skipped) : skipped);
}

int64_t CardResBlock::weight_bytes() const {
  return in_norm_.weight_bytes() + in_conv_.weight_bytes() +
         out_norm_.weight_bytes() + out_conv_.weight_bytes() +
         (skip_ ? skip_->weight_bytes() : 0);
}

CardAttention::CardAttention(const nn::BlockWeights& weights,
                             const nn::AttentionShape& shape,
                             const CardMath& math)
    : heads_(shape.heads),
      order_(shape.order),
      dtype_(math.dtype),
      norm_(weights("norm.weight"), weights("norm.bias"), shape.norm_groups,
            math),
      qkv_(weights("qkv.weight"), weights("qkv.bias"), math),
      proj_(weights("proj_out.weight"), weights("proj_out.bias"), math) {}

at::Tensor CardAttention::Run(const at::Tensor& x) const {
  const int64_t batch = x.size(0);
  const int64_t channels = x.size(1);
  const int64_t pixels = x.size(2) * x.size(3);
  const int64_t width = channels / heads_;
  CardNorm::Extras extras;
  extras.silu = false;
  const at::Tensor qkv = qkv_.Run(AsRows(norm_.Run(x, {}, extras, dtype_)));
  const at::Tensor parts =
      order_ == AttentionOrder::kNew
          ? qkv.view({batch, pixels, 3, heads_, width}).transpose(2, 3)
          : qkv.view({batch, pixels, heads_, 3, width});
  // [batch, heads, pixels, width]
  const auto part = [&](int64_t index) {
    return parts.select(3, index).transpose(1, 2);
  };
  const at::Tensor attended =
      at::scaled_dot_product_attention(part(0), part(1), part(2))
          .transpose(1, 2)
          .reshape({batch, pixels, channels});
  return AsImages(proj_.Run(attended).add_(AsRows(x)), x.size(2), x.size(3));
}

int64_t CardAttention::weight_bytes() const {
  return norm_.weight_bytes() + qkv_.weight_bytes() + proj_.weight_bytes();
}

}  // namespace cascade
