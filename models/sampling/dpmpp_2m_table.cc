#include <cmath>

#include "models/sampling/sampler_lines.h"

namespace cascade {
namespace {

double HalfLogSnr(double alpha_bar) {
  return 0.5 * std::log(alpha_bar / (1 - alpha_bar));
}

}  // namespace

// Lu et al. 2022, algorithm 2 (data prediction, midpoint form). With
// lambda = log(alpha / sigma), h = lambda_next - lambda and r = h_last / h:
//
//   x_next = sigma_next / sigma x
//          - alpha_next (e^-h - 1) (D0 + D1 / 2),  D0 = x0, D1 = (x0 - x0_last)
//          / r
//
// The first line has no x0_last and one that ends at sigma = 0 knows first
// order only: both leave D1 out, and the latter gives x0 itself.
std::vector<SamplerLine> Dpmpp2mLines(const SamplerPath& path,
                                      const DiffusionSpec& spec,
                                      const SamplerOptions& options) {
  const NoiseSchedule& schedule = path.schedule;
  const std::vector<int> timesteps = VisitedTimesteps(path, options);
  std::vector<SamplerLine> lines;
  double last_h = 0;
  for (size_t i = timesteps.size(); i-- > 0;) {
    const double alpha_bar = schedule.alpha_bar(timesteps[i]);
    SamplerLine line = NetworkLine(spec.prediction, timesteps[i], alpha_bar);
    if (i == 0 && !path.stop_timestep.has_value()) {
      line.b[0] = 1;
      lines.push_back(line);
      break;
    }
    const double next =
        i == 0 ? path.end_alpha_bar() : schedule.alpha_bar(timesteps[i - 1]);
    const double h = HalfLogSnr(next) - HalfLogSnr(alpha_bar);
    const double weight = -std::sqrt(next) * std::expm1(-h);
    line.a = std::sqrt((1 - next) / (1 - alpha_bar));
    line.b[0] = weight;
    if (!lines.empty()) {
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
