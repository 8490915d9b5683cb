#include <cmath>

#include "models/sampling/sampler_lines.h"

namespace cascade {

// Lu et al. 2022, algorithm 2 (data prediction, midpoint form). With
// lambda = log(signal / noise), h = lambda_next - lambda and r = h_last / h:
//
//   x_next = noise_next / noise x
//          - signal_next (e^-h - 1) (D0 + D1 / 2),
//   D0 = x0, D1 = (x0 - x0_last) / r
//
// The first line has no x0_last and one that ends at noise = 0 knows first
// order only: both leave D1 out, and the latter gives x0 itself.
std::vector<SamplerLine> Dpmpp2mLines(const SolverPath& path) {
  std::vector<SamplerLine> lines;
  double last_h = 0;
  for (size_t i = 0; i < path.points.size(); ++i) {
    const SolverPoint& here = path.points[i];
    const SolverPoint& next = path.After(i);
    SamplerLine line = here.line;
    if (next.noise == 0) {
      line.b[0] = 1;
      lines.push_back(line);
      break;
    }
    const double h = HalfLogSnr(next) - HalfLogSnr(here);
    const double weight = -next.signal * std::expm1(-h);
    line.a = next.noise / here.noise;
    line.b[0] = weight;
    if (i > 0) {
      const double correction = 0.5 * weight * h / last_h;
      line.b[0] += correction;
      line.b[1] = -correction;
    }
    last_h = h;
    lines.push_back(line);
  }
  return lines;
}

}  // namespace cascade
