#include "models/evaluation/kernel_distance.h"

#include <ATen/ops/mm.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/evaluation/feature_tensor.h"
#include "models/evaluation/mean_and_error.h"
#include "models/evaluation/shuffled_order.h"
#include "models/runtime/torch_status.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

at::Tensor Kernel(const at::Tensor& x, const at::Tensor& y) {
  const auto width = static_cast<double>(x.size(1));
  return (at::mm(x, y.t()) / width + 1).pow(3);
}

// Over pairs of different rows.
double MeanWithin(const at::Tensor& x) {
  const at::Tensor kernel = Kernel(x, x);
  const auto count = static_cast<double>(x.size(0));
  return (kernel.sum() - kernel.trace()).item<double>() / (count * (count - 1));
}

double SquaredDiscrepancy(const at::Tensor& x, const at::Tensor& y) {
  return MeanWithin(x) + MeanWithin(y) - 2 * Kernel(x, y).mean().item<double>();
}

// `size` rows of `rows`; all, in their order, when there are no more.
at::Tensor Subset(const at::Tensor& rows, int64_t size, uint64_t seed,
                  uint32_t round) {
  if (size == rows.size(0)) return rows;
  std::vector<int64_t> order = ShuffledOrder(rows.size(0), seed, round);
  order.resize(static_cast<size_t>(size));
  return rows.index_select(0, at::tensor(order));
}

}  // namespace

absl::StatusOr<KernelDistance> MeasureKernelDistance(
    const FeatureSet& a, const FeatureSet& b,
    const KernelDistanceOptions& options) {
  RETURN_IF_ERROR(CheckComparable(a, b));
  if (options.subsets < 1 || options.subset_size < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("the kernel distance takes 1 or more subsets of 2 or more "
                     "images, not ",
                     options.subsets, " of ", options.subset_size));
  }
  return CatchTorch([&]() -> absl::StatusOr<KernelDistance> {
    ASSIGN_OR_RETURN(const at::Tensor first, FeatureTensor(a, "samples", 2));
    ASSIGN_OR_RETURN(const at::Tensor second, FeatureTensor(b, "reference", 2));
    KernelDistance result;
    result.subset_size = std::min({options.subset_size, a.count, b.count});
    // Subsets that are all images are all alike.
    const bool whole =
        a.count == result.subset_size && b.count == result.subset_size;
    const int subsets = whole ? 1 : options.subsets;
    MeanAndError distance;
    for (int i = 0; i < subsets; ++i) {
      const auto round = static_cast<uint32_t>(2 * i);
      distance.Add(SquaredDiscrepancy(
          Subset(first, result.subset_size, options.seed, round),
          Subset(second, result.subset_size, options.seed, round + 1)));
    }
    result.mean = distance.mean;
    result.spread = distance.StandardDeviation();
    return result;
  });
}

}  // namespace cascade
