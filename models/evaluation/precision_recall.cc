#include "models/evaluation/precision_recall.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/kthvalue.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/evaluation/feature_tensor.h"
#include "models/runtime/torch_status.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int64_t kBlockValues = int64_t{1} << 24;
constexpr int64_t kNoMatrixProduct = 2;  // cdist's compute_mode.

// Calls `use` with the distances of some rows of `from` to all of `to`, for all
// rows in turn.
template <typename Use>
void ForDistances(const at::Tensor& from, const at::Tensor& to, Use use) {
  const int64_t rows = std::max<int64_t>(1, kBlockValues / to.size(0));
  for (int64_t begin = 0; begin < from.size(0); begin += rows) {
    const int64_t count = std::min(rows, from.size(0) - begin);
    use(at::cdist(from.narrow(0, begin, count), to, /*p=*/2, kNoMatrixProduct));
  }
}

// How far each row's k-th neighbour is; the row itself is nearest.
at::Tensor RadiiOf(const at::Tensor& rows, int k) {
  std::vector<at::Tensor> radii;
  ForDistances(rows, rows, [&](const at::Tensor& distances) {
    radii.push_back(std::get<0>(at::kthvalue(distances, k + 1, 1)));
  });
  return at::cat(radii);
}

// The share of `rows` in the balls around `centres`.
double ShareWithin(const at::Tensor& rows, const at::Tensor& centres, int k) {
  const at::Tensor radii = RadiiOf(centres, k);
  int64_t within = 0;
  ForDistances(rows, centres, [&](const at::Tensor& distances) {
    within += (distances <= radii).any(1).sum().item<int64_t>();
  });
  return static_cast<double>(within) / static_cast<double>(rows.size(0));
}

}  // namespace

absl::StatusOr<PrecisionRecall> MeasurePrecisionRecall(
    const FeatureSet& generated, const FeatureSet& real, int k) {
  RETURN_IF_ERROR(CheckComparable(generated, real));
  if (k < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "precision and recall take a neighbour from 1 on, not ", k));
  }
  return CatchTorch([&]() -> absl::StatusOr<PrecisionRecall> {
    ASSIGN_OR_RETURN(const at::Tensor samples,
                     FeatureTensor(generated, "samples", k + 1));
    ASSIGN_OR_RETURN(const at::Tensor reference,
                     FeatureTensor(real, "reference", k + 1));
    return PrecisionRecall{.precision = ShareWithin(samples, reference, k),
                           .recall = ShareWithin(reference, samples, k)};
  });
}

}  // namespace cascade
