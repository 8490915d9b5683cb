#include "models/nn/layers.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mkldnn_convolution.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace cascade::nn {
namespace {

// Rows of one matrix product in inference. MKL's kernels, and with them the
// bits of a row, change with the number of rows (measured: at 1 to 16 rows,
// later the wider the layer), and not with a row's place among them.
constexpr int64_t kLinearRows = 4;

thread_local int uninitialized_scopes = 0;

at::Tensor Filled(at::IntArrayRef shape, double value) {
  at::Tensor tensor = at::empty(shape);
  return uninitialized_scopes > 0 ? tensor : tensor.fill_(value);
}

// The usual initialisation of convolutions and linear layers: uniform within
// 1 / sqrt(fan_in).
at::Tensor UniformByFanIn(at::IntArrayRef shape, int64_t fan_in) {
  at::NoGradGuard no_grad;
  if (uninitialized_scopes > 0) return at::empty(shape);
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  return at::empty(shape).uniform_(-bound, bound);
}

bool InferenceOnCpu(const at::Tensor& x) {
  return !at::GradMode::is_enabled() && x.is_cpu();
}

at::Tensor Convolve(const at::Tensor& x, const at::Tensor& weight,
                    const at::Tensor& bias, int64_t padding, int64_t stride) {
  if (InferenceOnCpu(x)) {
    return at::mkldnn_convolution(x.contiguous(), weight, bias,
                                  {padding, padding}, {stride, stride}, {1, 1},
                                  1);
  }
  return at::conv2d(x, weight, bias, {stride, stride}, {padding, padding});
}

void Zero(at::Tensor& weight, at::Tensor& bias) {
  at::NoGradGuard no_grad;
  if (uninitialized_scopes > 0) return;
  weight.zero_();
  bias.zero_();
}

}  // namespace

UninitializedScope::UninitializedScope() { ++uninitialized_scopes; }
UninitializedScope::~UninitializedScope() { --uninitialized_scopes; }

Conv2d::Conv2d(int64_t in_channels, int64_t out_channels, int64_t kernel,
               int64_t stride)
    : padding_(kernel / 2), stride_(stride) {
  const int64_t fan_in = in_channels * kernel * kernel;
  weight_ = register_parameter(
      "weight",
      UniformByFanIn({out_channels, in_channels, kernel, kernel}, fan_in));
  bias_ = register_parameter("bias", UniformByFanIn({out_channels}, fan_in));
}

at::Tensor Conv2d::forward(const at::Tensor& x) {
  return Convolve(x, weight_, bias_, padding_, stride_);
}

void Conv2d::ZeroInit() { Zero(weight_, bias_); }

Conv1x1::Conv1x1(int64_t in_channels, int64_t out_channels) {
  weight_ = register_parameter(
      "weight", UniformByFanIn({out_channels, in_channels, 1}, in_channels));
  bias_ =
      register_parameter("bias", UniformByFanIn({out_channels}, in_channels));
}

at::Tensor Conv1x1::forward(const at::Tensor& x) {
  return Convolve(x.unsqueeze(-1), weight_.unsqueeze(-1), bias_, 0, 1)
      .squeeze(-1);
}

void Conv1x1::ZeroInit() { Zero(weight_, bias_); }

Linear::Linear(int64_t in_features, int64_t out_features) {
  weight_ = register_parameter(
      "weight", UniformByFanIn({out_features, in_features}, in_features));
  bias_ =
      register_parameter("bias", UniformByFanIn({out_features}, in_features));
}

at::Tensor Linear::forward(const at::Tensor& x) {
  if (!InferenceOnCpu(x)) return at::linear(x, weight_, bias_);
  const int64_t rows = x.size(0);
  const int64_t padded_rows =
      (rows + kLinearRows - 1) / kLinearRows * kLinearRows;
  at::Tensor padded = x;
  if (padded_rows != rows) {
    padded = at::zeros({padded_rows, x.size(1)}, x.options());
    padded.narrow(0, 0, rows).copy_(x);
  }
  const at::Tensor out = at::empty({padded_rows, weight_.size(0)}, x.options());
  const at::Tensor transposed = weight_.t();
  for (int64_t row = 0; row < padded_rows; row += kLinearRows) {
    at::Tensor part = out.narrow(0, row, kLinearRows);
    at::addmm_out(part, bias_, padded.narrow(0, row, kLinearRows), transposed);
  }
  return out.narrow(0, 0, rows);
}

void Linear::ZeroInit() { Zero(weight_, bias_); }

Embedding::Embedding(int64_t rows, int64_t width) {
  at::NoGradGuard no_grad;
  at::Tensor weight = at::empty({rows, width});
  if (uninitialized_scopes == 0) weight.normal_();
  weight_ = register_parameter("weight", weight);
}

at::Tensor Embedding::forward(const at::Tensor& indices) {
  return at::embedding(weight_, indices);
}

GroupNorm::GroupNorm(int64_t groups, int64_t channels) : groups_(groups) {
  weight_ = register_parameter("weight", Filled({channels}, 1));
  bias_ = register_parameter("bias", Filled({channels}, 0));
}

at::Tensor GroupNorm::forward(const at::Tensor& x) {
  return at::group_norm(x, groups_, weight_, bias_, 1e-5);
}

}  // namespace cascade::nn
