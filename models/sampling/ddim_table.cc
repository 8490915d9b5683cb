#include <algorithm>
#include <cmath>

#include "models/sampling/sampler_lines.h"

namespace cascade {

// Song et al. 2021, eq. 12, with eps = (x - signal x0) / noise from the clipped
// x0. In sigma it is Euler's method, and with eta its ancestral form.
std::vector<SamplerLine> DdimLines(const SolverPath& path, double eta) {
  std::vector<SamplerLine> lines;
  for (size_t i = 0; i < path.points.size(); ++i) {
    const SolverPoint& here = path.points[i];
    const SolverPoint& next = path.After(i);
    const double ratio = next.noise / here.noise;
    const double signal_ratio = here.signal / next.signal;
    // Of the noise that leads from `next` to `here`, the share that `next` may
    // have: sigma_t^2 of the paper.
    const double variance =
        eta * eta * ratio * ratio *
        (here.noise * here.noise -
         signal_ratio * signal_ratio * next.noise * next.noise);
    SamplerLine line = here.line;
    line.a = std::sqrt(std::max(next.noise * next.noise - variance, 0.0)) /
             here.noise;
    line.b[0] = next.signal - line.a * here.signal;
    line.adds_noise = variance > 0;
    if (line.adds_noise) {
      line.min_log_variance = line.max_log_variance = std::log(variance);
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace cascade
