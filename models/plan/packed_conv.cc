#include "models/plan/packed_conv.h"

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/ArrayRef.h>

#include <span>

#include "models/nn/resample.h"
#include "models/plan/bf16.h"

namespace cascade {
namespace {

// LibTorch has these for its compiler, without headers: found by name.
using OptionalScalars = c10::List<std::optional<at::Scalar>>;

template <typename Signature>
auto Operator(const char* name, const char* overload) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow(name, overload)
      .typed<Signature>();
}

at::Tensor Reorder(const at::Tensor& weight, int64_t padding, int64_t stride,
                   at::IntArrayRef input_size) {
  static const auto op =
      Operator<at::Tensor(const at::Tensor&, at::IntArrayRef, at::IntArrayRef,
                          at::IntArrayRef, int64_t, at::OptionalIntArrayRef)>(
          "mkldnn::_reorder_convolution_weight", "");
  return op.call(weight, {padding, padding}, {stride, stride}, {1, 1}, 1,
                 input_size);
}

at::Tensor Convolve(const at::Tensor& x, const at::Tensor& weight,
                    const at::Tensor& bias, int64_t padding, int64_t stride) {
  static const auto op = Operator<at::Tensor(
      const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
      at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t,
      c10::string_view, OptionalScalars, std::optional<c10::string_view>)>(
      "mkldnn::_convolution_pointwise", "");
  return op.call(x, weight, bias, {padding, padding}, {stride, stride}, {1, 1},
                 1, "none", OptionalScalars(), std::nullopt);
}

void ConvolveInto(const at::Tensor& x, const at::Tensor& weight,
                  const at::Tensor& bias, int64_t padding, int64_t stride,
                  at::Tensor& sum) {
  static const auto op = Operator<at::Tensor&(
      at::Tensor&, const at::Tensor&, const at::Tensor&,
      const std::optional<at::Tensor>&, at::IntArrayRef, at::IntArrayRef,
      at::IntArrayRef, int64_t, c10::string_view, std::optional<at::Scalar>,
      std::optional<c10::string_view>, OptionalScalars,
      std::optional<c10::string_view>)>("mkldnn::_convolution_pointwise_",
                                        "binary");
  op.call(sum, x, weight, bias, {padding, padding}, {stride, stride}, {1, 1}, 1,
          "add", 1.0, std::nullopt, OptionalScalars(), std::nullopt);
}

std::span<const float> Values(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

std::optional<WinogradConv> MakeWinograd(const at::Tensor& weight,
                                         const at::Tensor& bias,
                                         const PackedConv::Options& options) {
  const auto instructions = BestInstructionSet();
  if (weight.size(2) != 3 || options.stride != 1 || !instructions ||
      !WinogradConv::Takes(weight.size(1), weight.size(0)) ||
      (options.dtype == at::kBFloat16 && HasBfloat16Units())) {
    return std::nullopt;
  }
  const at::Tensor contiguous = weight.to(at::kFloat).contiguous();
  return WinogradConv(Values(contiguous),
                      Values(bias.to(at::kFloat).contiguous()),
                      WinogradConv::TileFor(options.height, options.width),
                      *instructions);
}

template <typename T>
const T* Data(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<const T*>(tensor.const_data_ptr())
                          : nullptr;
}

template <typename T>
void RunTyped(const WinogradConv& conv, const WinogradConv::Images& images,
              const at::Tensor& x, const at::Tensor& residual,
              at::Tensor& out) {
  T* to = static_cast<T*>(out.mutable_data_ptr());
  at::parallel_for(0, conv.Blocks(images), /*grain_size=*/1,
                   [&](int64_t begin, int64_t end) {
                     conv.Run(images, Data<T>(x), Data<T>(residual), begin, end,
                              to);
                   });
}

}  // namespace

PackedConv::PackedConv(const at::Tensor& weight, const at::Tensor& bias,
                       const Options& options)
    : options_(options),
      padding_(weight.size(2) / 2),
      winograd_(MakeWinograd(weight, bias, options)) {
  if (winograd_) {
    weight_bytes_ = winograd_->weight_bytes();
    return;
  }
  const at::ScalarType dtype = options.dtype;
  weight_ =
      Reorder(weight.to(dtype).contiguous(), padding_, options.stride,
              {options.batch, weight.size(1), options.height, options.width});
  bias_ = bias.to(dtype);
  weight_bytes_ =
      weight.numel() * static_cast<int64_t>(c10::elementSize(dtype));
}

at::Tensor PackedConv::Doubled(const at::Tensor& x) const {
  return options_.doubles ? nn::RepeatPixels(x) : x;
}

at::Tensor PackedConv::Run(const at::Tensor& x) const {
  if (!winograd_) {
    return Convolve(Doubled(x), weight_, bias_, padding_, options_.stride);
  }
  const int64_t factor = options_.doubles ? 2 : 1;
  at::Tensor out = at::empty({x.size(0), winograd_->out_channels(),
                              factor * x.size(2), factor * x.size(3)},
                             x.options(), at::MemoryFormat::ChannelsLast);
  RunWinograd(x, {}, out);
  return out;
}

at::Tensor PackedConv::RunAdding(const at::Tensor& x,
                                 const at::Tensor& residual) const {
  if (winograd_) {
    at::Tensor out = at::empty_like(residual);
    RunWinograd(x, residual, out);
    return out;
  }
  at::Tensor sum = residual.clone();
  RunInto(x, sum);
  return sum;
}

void PackedConv::RunInto(const at::Tensor& x, at::Tensor& sum) const {
  if (winograd_) {
    RunWinograd(x, sum, sum);
  } else {
    ConvolveInto(Doubled(x), weight_, bias_, padding_, options_.stride, sum);
  }
}

void PackedConv::RunWinograd(const at::Tensor& x, const at::Tensor& residual,
                             at::Tensor& out) const {
  const auto channels_last = at::MemoryFormat::ChannelsLast;
  TORCH_CHECK(
      x.is_contiguous(channels_last) && out.is_contiguous(channels_last) &&
          (!residual.defined() || residual.is_contiguous(channels_last)),
      "a convolution's images are channels-last");
  TORCH_CHECK(x.scalar_type() == options_.dtype,
              "a convolution's images are of its dtype");
  const WinogradConv::Images images{.count = out.size(0),
                                    .height = out.size(2),
                                    .width = out.size(3),
                                    .doubles = options_.doubles,
                                    .threads = at::get_num_threads()};
  if (options_.dtype == at::kFloat) {
    RunTyped<float>(*winograd_, images, x, residual, out);
  } else {
    RunTyped<Bf16>(*winograd_, images, x, residual, out);
  }
}

}  // namespace cascade
