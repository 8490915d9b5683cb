#pragma once

#include <span>
#include <vector>

namespace cascade {

// How much each of some estimates of x0 weighs in an exact step of the
// diffusion ODE: with lambda = log(signal / noise),
//
//   x_next = noise_next / noise x
//          + signal_next int_0^h e^-(h - l) x0(lambda + l) dl
//
// (Lu et al. 2022, eq. 8), where x0(lambda + h tau) is the polynomial through
// the estimates at `nodes`, values of tau that differ. Returns the integral's
// weight of each, without signal_next. h > 0; 1 to 4 nodes.
std::vector<double> ExponentialWeights(std::span<const double> nodes, double h);

}  // namespace cascade
