#include "models/sampling/exponential_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace cascade {
namespace {

// int_0^1 h e^(-h (1 - tau)) f(tau) dtau by Simpson's rule.
template <typename F>
double Integral(double h, F f) {
  constexpr int kPieces = 20000;
  double sum = 0;
  for (int i = 0; i <= kPieces; ++i) {
    const double tau = static_cast<double>(i) / kPieces;
    const double factor = i == 0 || i == kPieces ? 1 : (i % 2 == 1 ? 4.0 : 2.0);
    sum += factor * h * std::exp(-h * (1 - tau)) * f(tau);
  }
  return sum / (3.0 * kPieces);
}

TEST(ExponentialWeightsTest, IntegratePolynomialsExactly) {
  const std::vector<double> all_nodes = {1, 0, -0.8, -2.1};
  for (double h : {1e-4, 0.03, 0.5, 0.999, 1.0, 1.7, 6.0}) {
    for (size_t count = 1; count <= 4; ++count) {
      const std::vector<double> nodes(
          all_nodes.begin(),
          all_nodes.begin() + static_cast<std::ptrdiff_t>(count));
      const std::vector<double> weights = ExponentialWeights(nodes, h);
      ASSERT_EQ(weights.size(), count);
      for (size_t power = 0; power < count; ++power) {
        const auto polynomial = [&](double tau) {
          return std::pow(tau, static_cast<double>(power));
        };
        double sum = 0;
        for (size_t i = 0; i < count; ++i) {
          sum += weights[i] * polynomial(nodes[i]);
        }
        EXPECT_NEAR(sum, Integral(h, polynomial), 1e-11)
            << "h " << h << ", " << count << " nodes, power " << power;
      }
    }
  }
}

TEST(ExponentialWeightsTest, OneNodeIsTheFirstOrderStep) {
  const std::vector<double> nodes = {0};
  EXPECT_NEAR(ExponentialWeights(nodes, 0.3)[0], 1 - std::exp(-0.3), 1e-15);
}

}  // namespace
}  // namespace cascade
