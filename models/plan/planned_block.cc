#include "models/plan/planned_block.h"

#include <ATen/Parallel.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <tuple>

#include "models/nn/resample.h"
#include "models/nn/resampled.h"
#include "models/plan/fused_attention.h"

namespace cascade {
namespace {

// As the convolution before, of what comes out.
PackedConv::Options AfterResampling(PackedConv::Options conv,
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
  conv = AfterResampling(conv, resampling);
  conv.doubles = resampling == nn::Resampling::kUp;
  return conv;
}

// [out, in, 1] as [out, in, 1, 1].
at::Tensor AsImageKernel(const at::Tensor& weight) {
  return weight.unsqueeze(-1);
}

}  // namespace

PlannedResBlock::PlannedResBlock(const nn::BlockWeights& weights,
                                 const nn::ResBlockShape& shape,
                                 const PackedConv::Options& conv)
    : shape_(shape),
      dtype_(conv.dtype),
      in_norm_(weights("in_layers.0.weight"), weights("in_layers.0.bias"),
               shape.norm_groups),
      in_conv_(weights("in_layers.2.weight"), weights("in_layers.2.bias"),
               Doubling(conv, shape.resampling)),
      channels_(weights("in_layers.2.weight").size(0)),
      out_norm_(weights("out_layers.0.weight"), weights("out_layers.0.bias"),
                shape.norm_groups),
      out_conv_(weights("out_layers.3.weight"), weights("out_layers.3.bias"),
                AfterResampling(conv, shape.resampling)) {
  if (!shape.has_skip_convolution) return;
  const at::Tensor weight = weights("skip_connection.weight");
  const at::Tensor bias = weights("skip_connection.bias");
  const int64_t second = shape.second_channels;
  const int64_t first = weight.size(1) - second;
  skip_.emplace(weight.narrow(1, 0, first), bias,
                AfterResampling(conv, shape.resampling));
  if (second == 0) return;
  second_skip_.emplace(weight.narrow(1, first, second), at::zeros_like(bias),
                       conv);
}

at::Tensor PlannedResBlock::Run(const at::Tensor& x, const at::Tensor& second,
                                const at::Tensor& embeddings) const {
  at::Tensor h = in_norm_.Run(x, second, {}, dtype_);
  // The convolution itself makes it larger.
  if (shape_.resampling == nn::Resampling::kDown) h = nn::AveragePool(h);
  h = in_conv_.Run(h);
  PlannedNorm::Extras extras;
  const at::Tensor own =
      embeddings.narrow(1, shape_.embedding_offset,
                        shape_.scale_shift_norm ? 2 * channels_ : channels_);
  if (shape_.scale_shift_norm) {
    extras.scale = own.narrow(1, 0, channels_);
    extras.shift = own.narrow(1, channels_, channels_);
  } else {
    extras.add = own;
  }
  h = out_norm_.Run(h, {}, extras, dtype_);
  if (shape_.second_channels > 0) return AddSkipOfTwo(x, second, h);
  const at::Tensor skipped = nn::Resampled(x, shape_.resampling);
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

PlannedAttention::PlannedAttention(const nn::BlockWeights& weights,
                                   const nn::AttentionShape& shape,
                                   const PackedConv::Options& conv)
    : heads_(shape.heads),
      order_(shape.order),
      dtype_(conv.dtype),
      norm_(weights("norm.weight"), weights("norm.bias"), shape.norm_groups),
      qkv_(AsImageKernel(weights("qkv.weight")), weights("qkv.bias"), conv),
      proj_(AsImageKernel(weights("proj_out.weight")), weights("proj_out.bias"),
            conv),
      instructions_(BestInstructionSet()) {}

at::Tensor PlannedAttention::Run(at::Tensor x) const {
  PlannedNorm::Extras extras;
  extras.silu = false;
  const at::Tensor qkv = qkv_.Run(norm_.Run(x, {}, extras, dtype_));
  const at::Tensor image = instructions_ ? AttendFused(qkv) : AttendByAten(qkv);
  proj_.RunInto(image, x);
  return x;
}

at::Tensor PlannedAttention::AttendFused(const at::Tensor& qkv) const {
  const int64_t channels = qkv.size(1) / 3;
  at::Tensor out = at::empty({qkv.size(0), channels, qkv.size(2), qkv.size(3)},
                             qkv.options(), at::MemoryFormat::ChannelsLast);
  if (dtype_ == at::kFloat) {
    AttendTyped<float>(qkv, out);
  } else {
    AttendTyped<Bf16>(qkv, out);
  }
  return out;
}

template <typename T>
void PlannedAttention::AttendTyped(const at::Tensor& qkv,
                                   at::Tensor& out) const {
  TORCH_CHECK(qkv.is_contiguous(at::MemoryFormat::ChannelsLast),
              "attention's input is channels-last");
  const int64_t width = out.size(1) / heads_;
  const bool is_new = order_ == AttentionOrder::kNew;
  const AttentionProblem<T> problem{
      .qkv = static_cast<const T*>(qkv.const_data_ptr()),
      .out = static_cast<T*>(out.mutable_data_ptr()),
      .images = out.size(0),
      .pixels = out.size(2) * out.size(3),
      .heads = heads_,
      .width = width,
      .head_stride = is_new ? width : 3 * width,
      .part_stride = is_new ? heads_ * width : width};
  at::parallel_for(0, problem.images * problem.heads, /*grain_size=*/1,
                   [&](int64_t begin, int64_t end) {
                     FusedAttention(problem, *instructions_, begin, end);
                   });
}

at::Tensor PlannedAttention::AttendByAten(const at::Tensor& qkv) const {
  const int64_t batch = qkv.size(0);
  const int64_t channels = qkv.size(1) / 3;
  const int64_t pixels = qkv.size(2) * qkv.size(3);
  const int64_t width = channels / heads_;
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
  return attended.transpose(1, 2)
      .reshape({batch, qkv.size(2), qkv.size(3), channels})
      .permute({0, 3, 1, 2});
}

}  // namespace cascade
