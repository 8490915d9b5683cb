#include "models/nn/timestep_embedding.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>

#include <cmath>

namespace cascade::nn {
namespace {

// ATen computes the last elements of a tensor that do not fill its vectors by
// scalar functions that round differently. Rows of whole vectors keep a row's
// bits apart from the number of rows.
constexpr int64_t kVectorElements = 64;

}  // namespace

at::Tensor SinusoidalEmbedding(const at::Tensor& t, int64_t width) {
  const int64_t half = width / 2;
  const int64_t padded =
      (half + kVectorElements - 1) / kVectorElements * kVectorElements;
  const at::Tensor frequencies =
      at::arange(padded, t.options().dtype(at::kFloat))
          .mul_(-std::log(10000.0))
          .div_(static_cast<double>(half))
          .exp_();
  const at::Tensor angles =
      t.to(at::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);
  return at::cat(
      {angles.cos().narrow(1, 0, half), angles.sin().narrow(1, 0, half)}, 1);
}

TimestepEmbedding::TimestepEmbedding(int64_t sinusoid_width, int64_t width)
    : sinusoid_width_(sinusoid_width) {
  first_ =
      register_module("0", std::make_shared<Linear>(sinusoid_width, width));
  second_ = register_module("2", std::make_shared<Linear>(width, width));
}

at::Tensor TimestepEmbedding::forward(const at::Tensor& t) {
  return second_->forward(
      at::silu(first_->forward(SinusoidalEmbedding(t, sinusoid_width_))));
}

void TimestepEmbedding::ZeroInit() { second_->ZeroInit(); }

}  // namespace cascade::nn
