#include "models/cuda/card_layers.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include "models/cuda/card_stream.h"

namespace cascade {
namespace {

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

at::Tensor OnDevice(const at::Tensor& weight, const CardMath& math,
                    at::ScalarType dtype) {
  return weight.defined() ? weight.detach().to(math.device, dtype).clone()
                          : weight;
}

int64_t Bytes(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
}

NormType TypeOf(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return NormType::kFloat;
    case at::kBFloat16:
      return NormType::kBFloat16;
    case at::kHalf:
      return NormType::kHalf;
    default:
      TORCH_CHECK(false, "a plan's dtype is ", dtype);
  }
}

const float* Floats(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

}  // namespace

at::Tensor AsRows(const at::Tensor& x) {
  return x.permute({0, 2, 3, 1})
      .view({x.size(0), x.size(2) * x.size(3), x.size(1)});
}

at::Tensor AsImages(const at::Tensor& rows, int64_t height, int64_t width) {
  return rows.view({rows.size(0), height, width, rows.size(2)})
      .permute({0, 3, 1, 2});
}

CardConv::CardConv(const at::Tensor& weight, const at::Tensor& bias,
                   int64_t stride, const CardMath& math)
    : stride_(stride),
      weight_(OnDevice(weight, math, math.dtype).contiguous(kChannelsLast)),
      bias_(OnDevice(bias, math, math.dtype)) {}

at::Tensor CardConv::Run(const at::Tensor& x) const {
  const int64_t padding = weight_.size(2) / 2;
  // The format of images of one channel is anybody's guess.
  return at::conv2d(x, weight_, bias_, {stride_, stride_}, {padding, padding})
      .contiguous(kChannelsLast);
}

int64_t CardConv::weight_bytes() const { return Bytes(weight_) + Bytes(bias_); }

CardLinear::CardLinear(const at::Tensor& weight, const at::Tensor& bias,
                       const CardMath& math)
    : weight_(OnDevice(weight, math, math.dtype).squeeze(-1)),
      bias_(OnDevice(bias, math, math.dtype)) {}

at::Tensor CardLinear::Run(const at::Tensor& rows) const {
  return at::linear(rows, weight_, bias_);
}

int64_t CardLinear::weight_bytes() const {
  return Bytes(weight_) + Bytes(bias_);
}

CardNorm::CardNorm(const at::Tensor& weight, const at::Tensor& bias,
                   int64_t groups, const CardMath& math,
                   const at::Tensor& input_bias)
    : math_(math),
      groups_(static_cast<int>(groups)),
      weight_(OnDevice(weight, math, at::kFloat)),
      bias_(OnDevice(bias, math, at::kFloat)),
      input_bias_(OnDevice(input_bias, math, at::kFloat)) {
  NormArguments arguments;
  arguments.pixels = 1;
  arguments.first_channels = static_cast<int>(weight.size(0));
  arguments.groups = groups_;
  TORCH_CHECK(HasNormLayout(arguments), "a norm of ", weight.size(0),
              " channels in ", groups, " groups does not fit a card's blocks");
}

at::Tensor CardNorm::Run(const at::Tensor& x, const at::Tensor& second,
                         const Extras& extras, at::ScalarType dtype) const {
  TORCH_CHECK(x.is_contiguous(kChannelsLast),
              "a norm's input is channels-last");
  TORCH_CHECK(!second.defined() || second.is_contiguous(kChannelsLast),
              "a norm's second input is channels-last");
  const at::Tensor out =
      at::empty({x.size(0), weight_.size(0), x.size(2), x.size(3)},
                x.options().dtype(dtype), kChannelsLast);
  NormArguments arguments;
  arguments.type = TypeOf(x.scalar_type());
  arguments.out_type = TypeOf(dtype);
  arguments.first = x.const_data_ptr();
  arguments.out = out.mutable_data_ptr();
  arguments.images = static_cast<int>(x.size(0));
  arguments.pixels = static_cast<int>(x.size(2) * x.size(3));
  arguments.first_channels = static_cast<int>(x.size(1));
  if (second.defined()) {
    arguments.second = second.const_data_ptr();
    arguments.second_channels = static_cast<int>(second.size(1));
  }
  arguments.groups = groups_;
  arguments.weight = Floats(weight_);
  arguments.bias = Floats(bias_);
  arguments.input_bias = Floats(input_bias_);
  arguments.add = Floats(extras.add);
  arguments.scale = Floats(extras.scale);
  arguments.shift = Floats(extras.shift);
  for (const at::Tensor& extra : {extras.add, extras.scale, extras.shift}) {
    if (extra.defined()) arguments.stride = extra.stride(0);
  }
  arguments.silu = extras.silu;
  const NormLayout layout = LayoutOf(arguments);
  at::Tensor sums;  // Lives until the norm is queued, which is enough.
  if (layout.chunks > 1) {
    sums = at::empty({x.size(0), layout.chunks, groups_, 2},
                     x.options().dtype(at::kFloat));
    arguments.partial_sums = sums.mutable_data_ptr<float>();
  }
  CheckLaunch(math_.functions->norm(arguments, NativeStream(math_.device)));
  return out;
}

int64_t CardNorm::weight_bytes() const {
  return Bytes(weight_) + Bytes(bias_) + Bytes(input_bias_);
}

}  // namespace cascade
