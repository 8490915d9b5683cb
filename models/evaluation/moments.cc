#include "models/evaluation/moments.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/runtime/torch_status.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Rows that are turned into doubles at once.
constexpr int64_t kPiece = 1024;

template <typename Values>
bool AllFinite(const Values& values) {
  return std::all_of(values.begin(), values.end(),
                     [](auto value) { return std::isfinite(value); });
}

Moments OfPiece(const at::Tensor& rows) {
  const at::Tensor mean = rows.mean(0);
  const at::Tensor centred = rows - mean;
  const at::Tensor scatter = at::mm(centred.t(), centred).contiguous();
  const double* first = mean.const_data_ptr<double>();
  const double* second = scatter.const_data_ptr<double>();
  return *Moments::FromParts(rows.size(0), {first, first + mean.numel()},
                             {second, second + scatter.numel()});
}

}  // namespace

Moments::Moments(int dimensions)
    : mean_(static_cast<size_t>(dimensions), 0),
      scatter_(mean_.size() * mean_.size(), 0) {}

absl::StatusOr<Moments> Moments::FromParts(int64_t count,
                                           std::vector<double> mean,
                                           std::vector<double> scatter) {
  if (count < 0 || scatter.size() != mean.size() * mean.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "moments of ", count, " vectors with a mean of ", mean.size(),
        " and a scatter of ", scatter.size(), " values do not fit together"));
  }
  if (!AllFinite(mean) || !AllFinite(scatter)) {
    return absl::InvalidArgumentError("moments that are infinite or NaN");
  }
  Moments moments(0);
  moments.count_ = count;
  moments.mean_ = std::move(mean);
  moments.scatter_ = std::move(scatter);
  return moments;
}

absl::Status Moments::Add(std::span<const float> rows) {
  if (mean_.empty() || rows.size() % mean_.size() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(rows.size(), " values are no whole vectors of ",
                     mean_.size(), " dimensions"));
  }
  if (!AllFinite(rows)) {
    return absl::InvalidArgumentError("a feature is infinite or NaN");
  }
  return CatchTorch([&]() -> absl::Status {
    const auto width = static_cast<int64_t>(mean_.size());
    const int64_t count = static_cast<int64_t>(rows.size()) / width;
    for (int64_t begin = 0; begin < count; begin += kPiece) {
      const int64_t piece = std::min(kPiece, count - begin);
      const at::Tensor values =
          at::from_blob(const_cast<float*>(rows.data()) + begin * width,
                        {piece, width}, at::kFloat)
              .to(at::kDouble);
      RETURN_IF_ERROR(Merge(OfPiece(values)));
    }
    return absl::OkStatus();
  });
}

absl::Status Moments::Merge(const Moments& other) {
  if (other.mean_.size() != mean_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("moments of ", mean_.size(), " and of ",
                     other.mean_.size(), " dimensions cannot be joined"));
  }
  if (other.count_ == 0) return absl::OkStatus();
  const size_t width = mean_.size();
  const auto ours = static_cast<double>(count_);
  const auto theirs = static_cast<double>(other.count_);
  const double share = theirs / (ours + theirs);
  std::vector<double> delta(width);
  for (size_t i = 0; i < width; ++i) {
    delta[i] = other.mean_[i] - mean_[i];
    mean_[i] += delta[i] * share;
  }
  for (size_t i = 0; i < width; ++i) {
    for (size_t j = 0; j < width; ++j) {
      scatter_[i * width + j] +=
          other.scatter_[i * width + j] + delta[i] * delta[j] * ours * share;
    }
  }
  count_ += other.count_;
  return absl::OkStatus();
}

std::vector<double> Moments::Covariance() const {
  std::vector<double> covariance = scatter_;
  const auto degrees = static_cast<double>(std::max<int64_t>(count_ - 1, 1));
  for (double& value : covariance) value /= degrees;
  return covariance;
}

}  // namespace cascade
