#pragma once

#include "absl/status/statusor.h"
#include "models/evaluation/moments.h"

namespace cascade {

// The Frechet distance of two Gaussians with the moments of two sets of
// features (Heusel et al. 2017, eq. 6; with Inception's features it is the
// FID):
//
//   |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2)
//
// The trace of the root is the sum of the singular values of R1^T R2, where
// Ci = Ri Ri^T from its eigenvalues: the product C1 C2 is similar to
// R1^T C2 R1 = (R1^T R2)(R1^T R2)^T. No matrix root of a product that is not
// symmetric is taken, and rounding stays of the size of the values themselves
// when a covariance has no full rank (fewer images than dimensions), where the
// root of a rounded zero would be 1e-8 in each dimension.
//
// Not negative. INVALID_ARGUMENT for different dimensions or fewer than two
// vectors. Costs O(dimensions^3).
absl::StatusOr<double> FrechetDistance(const Moments& a, const Moments& b);

}  // namespace cascade
