#include "models/plan/packed_conv.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/ArrayRef.h>

#include <optional>

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

}  // namespace

PackedConv::PackedConv(const at::Tensor& weight, const at::Tensor& bias,
                       int64_t stride, at::ScalarType dtype, const Shape& shape)
    : dtype_(dtype),
      padding_(weight.size(2) / 2),
      stride_(stride),
      weight_bytes_(weight.numel() *
                    static_cast<int64_t>(c10::elementSize(dtype))),
      weight_(
          Reorder(weight.to(dtype).contiguous(), padding_, stride_,
                  {shape.batch, weight.size(1), shape.height, shape.width})),
      bias_(bias.to(dtype)) {}

at::Tensor PackedConv::Run(const at::Tensor& x) const {
  return Convolve(x, weight_, bias_, padding_, stride_);
}

void PackedConv::RunInto(const at::Tensor& x, at::Tensor& sum) const {
  ConvolveInto(x, weight_, bias_, padding_, stride_, sum);
}

}  // namespace cascade
