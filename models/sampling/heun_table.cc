#include "models/sampling/sampler_lines.h"

namespace cascade {

// Karras et al. 2022, algorithm 1, in x / signal = x0 + sigma eps. A step from
// sigma to sigma_next, with r = sigma_next / sigma and D the estimates of x0:
//
//   Euler:   x2 = x + (sigma_next - sigma) (x - D) / sigma
//               = r x + (1 - r) D
//   Heun:    x' = x + (sigma_next - sigma) / 2 ((x - D) / sigma
//                                               + (x2 - D2) / sigma_next)
//               = x2 + (1 / r - 1) / 2 (D2 - D)
//
// The second form needs x2 and both estimates only, which is what a line has.
// A step to sigma = 0 has no second slope there, and gives D.
std::vector<SamplerLine> HeunLines(const SolverPath& path) {
  std::vector<SamplerLine> lines;
  for (size_t i = 0; i < path.points.size(); ++i) {
    const SolverPoint& here = path.points[i];
    const SolverPoint& next = path.After(i);
    const double ratio =
        (next.noise / next.signal) / (here.noise / here.signal);
    SamplerLine euler = here.line;
    euler.a = next.noise / here.noise;
    euler.b[0] = next.signal * (1 - ratio);
    lines.push_back(euler);
    if (next.noise == 0) break;
    SamplerLine heun = next.line;
    heun.a = 1;
    heun.b[0] = next.signal * (1 / ratio - 1) / 2;
    heun.b[1] = -heun.b[0];
    lines.push_back(heun);
  }
  return lines;
}

}  // namespace cascade
