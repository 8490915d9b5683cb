#include "models/evaluation/frechet_distance.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/runtime/torch_status.h"

namespace cascade {
namespace {

// R with R R^T = `covariance`. Eigenvalues below the rounding of the largest
// are zeros.
at::Tensor RootOf(const at::Tensor& covariance) {
  const auto [values, vectors] = at::linalg_eigh(covariance);
  const double largest = std::max(values.max().item<double>(), 0.0);
  const double rounding = largest * static_cast<double>(values.numel()) *
                          std::numeric_limits<double>::epsilon();
  return vectors * values.masked_fill(values < rounding, 0).sqrt();
}

}  // namespace

absl::StatusOr<double> FrechetDistance(const Moments& a, const Moments& b) {
  if (a.dimensions() != b.dimensions()) {
    return absl::InvalidArgumentError(
        absl::StrCat("features of ", a.dimensions(), " and of ", b.dimensions(),
                     " dimensions have no distance"));
  }
  if (a.count() < 2 || b.count() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("a covariance takes two images or more, there are ",
                     std::min(a.count(), b.count())));
  }
  return CatchTorch([&]() -> absl::StatusOr<double> {
    const int64_t width = a.dimensions();
    std::vector<double> of_a = a.Covariance();
    std::vector<double> of_b = b.Covariance();
    const at::Tensor first =
        at::from_blob(of_a.data(), {width, width}, at::kDouble);
    const at::Tensor second =
        at::from_blob(of_b.data(), {width, width}, at::kDouble);
    double distance = (first.trace() + second.trace()).item<double>();
    distance -=
        2 * at::linalg_svdvals(at::mm(RootOf(first).t(), RootOf(second)))
                .sum()
                .item<double>();
    for (size_t i = 0; i < a.mean().size(); ++i) {
      const double difference = a.mean()[i] - b.mean()[i];
      distance += difference * difference;
    }
    return std::max(distance, 0.0);
  });
}

}  // namespace cascade
