#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cascade {

// Mean and covariance of vectors that come in pieces, in double precision.
//
// Keeps the mean and the scatter matrix M2 = sum (x - mean)(x - mean)^T, and
// joins pieces as Chan, Golub and LeVeque do (1979, "Updating formulae and a
// pairwise algorithm for computing sample variances"): no difference of large
// sums, so that it is stable for features far from zero.
class Moments {
 public:
  explicit Moments(int dimensions);
  // The moments with these values. INVALID_ARGUMENT unless the sizes fit and
  // all is finite.
  static absl::StatusOr<Moments> FromParts(int64_t count,
                                           std::vector<double> mean,
                                           std::vector<double> scatter);

  // Adds the rows of `rows`, [n][dimensions] with n >= 0. INVALID_ARGUMENT and
  // no change when one is infinite or NaN, or the last row is not whole.
  absl::Status Add(std::span<const float> rows);
  // Adds what `other`, of as many dimensions, has seen.
  absl::Status Merge(const Moments& other);

  int dimensions() const { return static_cast<int>(mean_.size()); }
  int64_t count() const { return count_; }
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& scatter() const { return scatter_; }

  // [dimensions][dimensions], divided by count - 1. Zero for one vector.
  std::vector<double> Covariance() const;

 private:
  int64_t count_ = 0;
  std::vector<double> mean_;
  std::vector<double> scatter_;  // [dimensions][dimensions]
};

}  // namespace cascade
