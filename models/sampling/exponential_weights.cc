#include "models/sampling/exponential_weights.h"

#include <cmath>

namespace cascade {
namespace {

// int_0^1 h e^(-h (1 - tau)) tau^power dtau.
double Moment(int power, double h) {
  if (h < 1) {
    // e^(h tau) as its series: the recursion below would cancel.
    double sum = 0;
    double term = h * std::exp(-h);
    for (int k = 0; k < 20; ++k) {
      sum += term / (k + power + 1);
      term *= h / (k + 1);
    }
    return sum;
  }
  double moment = -std::expm1(-h);
  for (int m = 1; m <= power; ++m) moment = 1 - m / h * moment;
  return moment;
}

// The coefficients, of tau^0 on, of the polynomial that is 1 at nodes[index]
// and 0 at the others (Lagrange).
std::vector<double> Basis(std::span<const double> nodes, size_t index) {
  std::vector<double> polynomial = {1};
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (i == index) continue;
    // Times (tau - nodes[i]) / (nodes[index] - nodes[i]).
    const double scale = 1 / (nodes[index] - nodes[i]);
    polynomial.push_back(0);
    for (size_t m = polynomial.size(); m-- > 0;) {
      const double lower = m > 0 ? polynomial[m - 1] : 0;
      polynomial[m] = (lower - nodes[i] * polynomial[m]) * scale;
    }
  }
  return polynomial;
}

}  // namespace

std::vector<double> ExponentialWeights(std::span<const double> nodes,
                                       double h) {
  std::vector<double> weights;
  for (size_t i = 0; i < nodes.size(); ++i) {
    double weight = 0;
    int power = 0;
    for (double coefficient : Basis(nodes, i)) {
      weight += coefficient * Moment(power++, h);
    }
    weights.push_back(weight);
  }
  return weights;
}

}  // namespace cascade
