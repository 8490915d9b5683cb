#include <cmath>

#include "models/sampling/sampler_lines.h"

namespace cascade {

// Song et al. 2023, algorithm 1: the estimate of x0, noised to the next sigma.
// It is where the ODE arrives at sigma_min, so it has that much noise already:
//
//   x_next = x0 + sqrt(sigma_next^2 - sigma_min^2) noise
std::vector<SamplerLine> ConsistencyLines(const SolverPath& path,
                                          double sigma_min) {
  std::vector<SamplerLine> lines;
  for (size_t i = 0; i < path.points.size(); ++i) {
    SamplerLine line = path.points[i].line;
    line.b[0] = 1;
    const double next = path.After(i).noise;
    const double variance = next * next - sigma_min * sigma_min;
    line.adds_noise = variance > 0;
    if (line.adds_noise) {
      line.min_log_variance = line.max_log_variance = std::log(variance);
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace cascade
