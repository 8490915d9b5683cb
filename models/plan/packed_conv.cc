#include "models/plan/packed_conv.h"

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/ArrayRef.h>

#include <span>
#include <utility>

#include "models/nn/resample.h"
#include "models/plan/bf16.h"
#include "models/plan/weight_panels.h"

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

// Of a convolution that we have loops for.
PackedConv::Loops MakeLoops(const at::Tensor& weight, const at::Tensor& bias,
                            const PackedConv::Options& options) {
  const auto instructions = BestInstructionSet();
  const int64_t kernel = weight.size(2);
  const bool is_winograd = kernel == 3;
  const bool is_pointwise = kernel == 1 && !options.doubles;
  if (!instructions || options.stride != 1 || (!is_winograd && !is_pointwise) ||
      !WeightPanels::Take(weight.size(1), weight.size(0)) ||
      (options.dtype == at::kBFloat16 && HasBfloat16Units())) {
    return {};
  }
  const at::Tensor weights = weight.to(at::kFloat).contiguous();
  const at::Tensor biases = bias.to(at::kFloat).contiguous();
  if (is_pointwise) {
    return PackedConv::Loops(std::in_place_type<PointwiseConv>, Values(weights),
                             Values(biases), *instructions);
  }
  return PackedConv::Loops(
      std::in_place_type<WinogradConv>, Values(weights), Values(biases),
      WinogradConv::TileFor(options.height, options.width), *instructions);
}

template <typename T>
const T* Data(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<const T*>(tensor.const_data_ptr())
                          : nullptr;
}

WinogradConv::Images SizeOf(const WinogradConv&, const at::Tensor& out,
                            bool doubles) {
  return {.count = out.size(0),
          .height = out.size(2),
          .width = out.size(3),
          .doubles = doubles,
          .threads = at::get_num_threads()};
}
int64_t SizeOf(const PointwiseConv&, const at::Tensor& out, bool) {
  return out.size(0) * out.size(2) * out.size(3);
}

template <typename T, typename Conv>
void RunBlocks(const Conv& conv, const at::Tensor& x,
               const at::Tensor& residual, bool doubles, at::Tensor& out) {
  const auto size = SizeOf(conv, out, doubles);
  T* to = static_cast<T*>(out.mutable_data_ptr());
  at::parallel_for(
      0, conv.Blocks(size), /*grain_size=*/1, [&](int64_t begin, int64_t end) {
        conv.Run(size, Data<T>(x), Data<T>(residual), begin, end, to);
      });
}

}  // namespace

PackedConv::PackedConv(const at::Tensor& weight, const at::Tensor& bias,
                       const Options& options)
    : options_(options),
      padding_(weight.size(2) / 2),
      out_channels_(weight.size(0)),
      loops_(MakeLoops(weight, bias, options)) {
  if (HasLoops()) return;
  const at::ScalarType dtype = options.dtype;
  weight_ =
      Reorder(weight.to(dtype).contiguous(), padding_, options.stride,
              {options.batch, weight.size(1), options.height, options.width});
  bias_ = bias.to(dtype);
}

bool PackedConv::HasLoops() const {
  return !std::holds_alternative<std::monostate>(loops_);
}

int64_t PackedConv::weight_bytes() const {
  if (const auto* conv = std::get_if<WinogradConv>(&loops_)) {
    return conv->weight_bytes();
  }
  if (const auto* conv = std::get_if<PointwiseConv>(&loops_)) {
    return conv->weight_bytes();
  }
  return static_cast<int64_t>(weight_.nbytes());
}

at::Tensor PackedConv::Doubled(const at::Tensor& x) const {
  return options_.doubles ? nn::RepeatPixels(x) : x;
}

at::Tensor PackedConv::Run(const at::Tensor& x) const {
  if (!HasLoops()) {
    return Convolve(Doubled(x), weight_, bias_, padding_, options_.stride);
  }
  const int64_t factor = options_.doubles ? 2 : 1;
  at::Tensor out = at::empty(
      {x.size(0), out_channels_, factor * x.size(2), factor * x.size(3)},
      x.options(), at::MemoryFormat::ChannelsLast);
  RunLoops(x, {}, out);
  return out;
}

at::Tensor PackedConv::RunAdding(const at::Tensor& x,
                                 const at::Tensor& residual) const {
  if (HasLoops()) {
    at::Tensor out = at::empty_like(residual);
    RunLoops(x, residual, out);
    return out;
  }
  at::Tensor sum = residual.clone();
  RunInto(x, sum);
  return sum;
}

void PackedConv::RunInto(const at::Tensor& x, at::Tensor& sum) const {
  if (HasLoops()) {
    RunLoops(x, sum, sum);
  } else {
    ConvolveInto(Doubled(x), weight_, bias_, padding_, options_.stride, sum);
  }
}

void PackedConv::RunLoops(const at::Tensor& x, const at::Tensor& residual,
                          at::Tensor& out) const {
  const auto channels_last = at::MemoryFormat::ChannelsLast;
  TORCH_CHECK(
      x.is_contiguous(channels_last) && out.is_contiguous(channels_last) &&
          (!residual.defined() || residual.is_contiguous(channels_last)),
      "a convolution's images are channels-last; these have strides of ",
      x.strides(), ", what comes out ", out.strides());
  TORCH_CHECK(x.scalar_type() == options_.dtype, "a convolution of ",
              options_.dtype, " was given ", x.scalar_type());
  const auto run = [&](const auto& conv) {
    if (options_.dtype == at::kFloat) {
      RunBlocks<float>(conv, x, residual, options_.doubles, out);
    } else {
      RunBlocks<Bf16>(conv, x, residual, options_.doubles, out);
    }
  };
  if (const auto* conv = std::get_if<WinogradConv>(&loops_)) {
    run(*conv);
  } else {
    run(std::get<PointwiseConv>(loops_));
  }
}

}  // namespace cascade
