#include <algorithm>
#include <cmath>

#include "models/sampling/sampler_lines.h"

namespace cascade {

// Song et al. 2021, eq. 12, with eps = (x - sqrt(alpha_bar) x0) /
// sqrt(1 - alpha_bar) from the clipped x0.
std::vector<SamplerLine> DdimLines(const SamplerPath& path,
                                   const DiffusionSpec& spec,
                                   const SamplerOptions& options) {
  const NoiseSchedule& schedule = path.schedule;
  const std::vector<int> timesteps = VisitedTimesteps(path, options);
  std::vector<SamplerLine> lines;
  for (size_t i = timesteps.size(); i-- > 0;) {
    const double alpha_bar = schedule.alpha_bar(timesteps[i]);
    const double previous =
        i == 0 ? path.end_alpha_bar() : schedule.alpha_bar(timesteps[i - 1]);
    const double variance = options.eta * options.eta * (1 - previous) /
                            (1 - alpha_bar) * (1 - alpha_bar / previous);
    SamplerLine line = NetworkLine(spec.prediction, timesteps[i], alpha_bar);
    line.a = std::sqrt(std::max(1 - previous - variance, 0.0)) /
             std::sqrt(1 - alpha_bar);
    line.b[0] = std::sqrt(previous) - line.a * std::sqrt(alpha_bar);
    line.adds_noise = variance > 0;
    if (line.adds_noise) {
      line.min_log_variance = line.max_log_variance = std::log(variance);
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace cascade
