#include "models/plan/planned_block.h"

#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <tuple>

#include "models/nn/resample.h"

namespace cascade {
namespace {

// As the convolution before, of what comes out.
PackedConv::Options Resampled(PackedConv::Options conv,
                              nn::Resampling resampling) {
  if (resampling == nn::Resampling::kDown) {
    conv.height /= 2;
    conv.width /= 2;
  } else if (resampling == nn::Resampling::kUp) {
    conv.height *= 2;
    conv.width *= 2;
  }
  return conv;
}

// The first, which also enlarges.
PackedConv::Options Doubling(PackedConv::Options conv,
                             nn::Resampling resampling) {
  conv = Resampled(conv, resampling);
  conv.doubles = resampling == nn::Resampling::kUp;
  return conv;
}

// [out, in, 1] as [out, in, 1, 1].
at::Tensor AsImageKernel(const at::Tensor& weight) {
  return weight.unsqueeze(-1);
}

}  // namespace

at::Tensor Resampled(const at::Tensor& x, nn::Resampling resampling) {
  switch (resampling) {
    case nn::Resampling::kDown:
      return nn::AveragePool(x);
    case nn::Resampling::kUp:
      return nn::RepeatPixels(x);
    case nn::Resampling::kNone:
      break;
  }
  return x;
}

PlannedResBlock::PlannedResBlock(const BlockWeights& weights,
                                 const Options& options,
                                 const PackedConv::Options& conv)
    : options_(options),
      dtype_(conv.dtype),
      in_norm_(weights("in_layers.0.weight"), weights("in_layers.0.bias"),
               options.norm_groups),
      in_conv_(weights("in_layers.2.weight"), weights("in_layers.2.bias"),
               Doubling(conv, options.resampling)),
      channels_(weights("in_layers.2.weight").size(0)),
      out_norm_(weights("out_layers.0.weight"), weights("out_layers.0.bias"),
                options.norm_groups),
      out_conv_(weights("out_layers.3.weight"), weights("out_layers.3.bias"),
                Resampled(conv, options.resampling)) {
  if (!options.has_skip_convolution) return;
  const at::Tensor weight = weights("skip_connection.weight");
  const at::Tensor bias = weights("skip_connection.bias");
  const int64_t second = options.second_channels;
  const int64_t first = weight.size(1) - second;
  skip_.emplace(weight.narrow(1, 0, first), bias,
                Resampled(conv, options.resampling));
  if (second == 0) return;
  second_skip_.emplace(weight.narrow(1, first, second), at::zeros_like(bias),
                       conv);
}

at::Tensor PlannedResBlock::Run(const at::Tensor& x, const at::Tensor& second,
                                const at::Tensor& embeddings) const {
  at::Tensor h = in_norm_.Run(x, second, {}, dtype_);
  // The convolution itself makes it larger.
  if (options_.resampling == nn::Resampling::kDown) h = nn::AveragePool(h);
  h = in_conv_.Run(h);
  PlannedNorm::Extras extras;
  const at::Tensor own =
      embeddings.narrow(1, options_.embedding_offset,
                        options_.scale_shift_norm ? 2 * channels_ : channels_);
  if (options_.scale_shift_norm) {
    extras.scale = own.narrow(1, 0, channels_);
    extras.shift = own.narrow(1, channels_, channels_);
  } else {
    extras.add = own;
  }
  h = out_norm_.Run(h, {}, extras, dtype_);
  if (options_.second_channels > 0) return AddSkipOfTwo(x, second, h);
  const at::Tensor skipped = Resampled(x, options_.resampling);
  if (skip_ == std::nullopt) return out_conv_.RunAdding(h, skipped);
  at::Tensor sum = skip_->Run(skipped);
  out_conv_.RunInto(h, sum);
  return sum;
}

at::Tensor PlannedResBlock::AddSkipOfTwo(const at::Tensor& x,
                                         const at::Tensor& second,
                                         const at::Tensor& h) const {
  if (skip_ == std::nullopt) {
    return out_conv_.RunAdding(h, at::cat({x, second}, 1));
  }
  // A convolution of 1x1 over joined channels is the sum of two.
  at::Tensor sum = skip_->Run(x);
  second_skip_->RunInto(second, sum);
  out_conv_.RunInto(h, sum);
  return sum;
}

int64_t PlannedResBlock::weight_bytes() const {
  return in_norm_.weight_bytes() + in_conv_.weight_bytes() +
         out_norm_.weight_bytes() + out_conv_.weight_bytes() +
         (skip_ ? skip_->weight_bytes() : 0) +
         (second_skip_ ? second_skip_->weight_bytes() : 0);
}

PlannedAttention::PlannedAttention(const BlockWeights& weights, int64_t heads,
                                   AttentionOrder order, int64_t norm_groups,
                                   const PackedConv::Options& conv)
    : heads_(heads),
      order_(order),
      dtype_(conv.dtype),
      norm_(weights("norm.weight"), weights("norm.bias"), norm_groups),
      qkv_(AsImageKernel(weights("qkv.weight")), weights("qkv.bias"), conv),
      proj_(AsImageKernel(weights("proj_out.weight")), weights("proj_out.bias"),
            conv) {}

at::Tensor PlannedAttention::Run(at::Tensor x) const {
  const int64_t batch = x.size(0);
  const int64_t channels = x.size(1);
  const int64_t pixels = x.size(2) * x.size(3);
  const int64_t width = channels / heads_;
  PlannedNorm::Extras extras;
  extras.silu = false;
  const at::Tensor qkv = qkv_.Run(norm_.Run(x, {}, extras, dtype_));
  // [batch, pixels, 3 channels]: how channels-last images lie in memory.
  const at::Tensor rows =
      qkv.permute({0, 2, 3, 1}).view({batch, pixels, 3 * channels});
  const at::Tensor parts =
      order_ == AttentionOrder::kNew
          ? rows.view({batch, pixels, 3, heads_, width}).transpose(2, 3)
          : rows.view({batch, pixels, heads_, 3, width});
  // [batch, heads, pixels, width]
  const auto part = [&](int64_t index) {
    return parts.select(3, index).transpose(1, 2);
  };
  const at::Tensor attended =
      std::get<0>(at::_scaled_dot_product_flash_attention_for_cpu(
          part(0), part(1), part(2)));
  const at::Tensor image = attended.transpose(1, 2)
                               .reshape({batch, x.size(2), x.size(3), channels})
                               .permute({0, 3, 1, 2});
  proj_.RunInto(image, x);
  return x;
}

}  // namespace cascade
