#include "models/nn/attention_block.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/softmax.h>

#include <cmath>

namespace cascade::nn {

AttentionBlock::AttentionBlock(int64_t channels, int64_t heads,
                               AttentionOrder order, int64_t norm_groups)
    : heads_(heads), order_(order) {
  norm_ = register_module("norm",
                          std::make_shared<GroupNorm>(norm_groups, channels));
  qkv_ =
      register_module("qkv", std::make_shared<Conv1x1>(channels, 3 * channels));
  proj_out_ = register_module("proj_out",
                              std::make_shared<Conv1x1>(channels, channels));
  proj_out_->ZeroInit();
}

at::Tensor AttentionBlock::Attend(const at::Tensor& qkv) const {
  const int64_t batch = qkv.size(0);
  const int64_t channels = qkv.size(1) / 3;
  const int64_t width = channels / heads_;
  const int64_t pixels = qkv.size(2);

  // Both orders as [batch, heads, 3, width, pixels].
  const at::Tensor parts =
      order_ == AttentionOrder::kNew
          ? qkv.view({batch, 3, heads_, width, pixels}).transpose(1, 2)
          : qkv.view({batch, heads_, 3, width, pixels});
  const auto part = [&](int64_t index) {
    return parts.select(2, index).reshape({batch * heads_, width, pixels});
  };

  // The root of the scale goes to both factors, as in the reference: safer in
  // half precision than scaling the product.
  const double scale = 1.0 / std::sqrt(std::sqrt(static_cast<double>(width)));
  const at::Tensor scores =
      at::bmm((part(0) * scale).transpose(1, 2), part(1) * scale);
  const at::Tensor weights =
      at::softmax(scores, -1, at::kFloat).to(qkv.scalar_type());
  return at::bmm(part(2), weights.transpose(1, 2))
      .view({batch, channels, pixels});
}

at::Tensor AttentionBlock::forward(const at::Tensor& x) {
  const at::Tensor flat = x.reshape({x.size(0), x.size(1), -1});
  const at::Tensor attended =
      Attend(qkv_->forward(norm_->forward(flat)).contiguous());
  return (flat + proj_out_->forward(attended)).view(x.sizes());
}

}  // namespace cascade::nn
