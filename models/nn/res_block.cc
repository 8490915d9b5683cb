#include "models/nn/res_block.h"

#include <ATen/ops/dropout.h>
#include <ATen/ops/silu.h>

#include "models/nn/module_group.h"
#include "models/nn/resampled.h"

namespace cascade::nn {

ResBlock::ResBlock(const Options& options) : options_(options) {
  const int64_t in = options.in_channels;
  const int64_t out = options.out_channels;

  auto in_layers =
      register_module("in_layers", std::make_shared<ModuleGroup>());
  in_norm_ =
      in_layers->Add("0", std::make_shared<GroupNorm>(options.norm_groups, in));
  in_conv_ = in_layers->Add("2", std::make_shared<Conv2d>(in, out, 3));

  auto emb_layers =
      register_module("emb_layers", std::make_shared<ModuleGroup>());
  embedding_linear_ = emb_layers->Add(
      "1", std::make_shared<Linear>(options.embedding_width,
                                    options.scale_shift_norm ? 2 * out : out));

  auto out_layers =
      register_module("out_layers", std::make_shared<ModuleGroup>());
  out_norm_ = out_layers->Add(
      "0", std::make_shared<GroupNorm>(options.norm_groups, out));
  out_conv_ = out_layers->Add("3", std::make_shared<Conv2d>(out, out, 3));
  out_conv_->ZeroInit();

  if (in != out) {
    skip_connection_ = register_module("skip_connection",
                                       std::make_shared<Conv2d>(in, out, 1));
  }
}

at::Tensor ResBlock::Resample(const at::Tensor& x) const {
  return Resampled(x, options_.resampling);
}

at::Tensor ResBlock::forward(const at::Tensor& x, const at::Tensor& embedding) {
  at::Tensor h = at::silu(in_norm_->forward(x));
  h = in_conv_->forward(Resample(h));

  const at::Tensor e = embedding_linear_->forward(at::silu(embedding))
                           .to(h.scalar_type())
                           .unsqueeze(-1)
                           .unsqueeze(-1);
  if (options_.scale_shift_norm) {
    const at::Tensor scale = e.narrow(1, 0, options_.out_channels);
    const at::Tensor shift =
        e.narrow(1, options_.out_channels, options_.out_channels);
    h = out_norm_->forward(h) * (scale + 1) + shift;
  } else {
    h = out_norm_->forward(h + e);
  }
  h = at::silu(h);
  if (options_.dropout > 0 && is_training()) {
    h = at::dropout(h, options_.dropout, /*train=*/true);
  }
  h = out_conv_->forward(h);

  const at::Tensor skipped = Resample(x);
  return (skip_connection_ ? skip_connection_->forward(skipped) : skipped) + h;
}

}  // namespace cascade::nn
