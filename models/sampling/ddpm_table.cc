#include <cmath>

#include "models/sampling/sampler_lines.h"

namespace cascade {
namespace {

// The bounds of the variance at timestep `t` of the respaced process.
void SetLogVariance(const NoiseSchedule& respaced, int t, VarianceKind kind,
                    SamplerLine& line) {
  const double small = respaced.ClippedPosteriorLogVariance(t);
  const double large = std::log(respaced.beta(t));
  line.min_log_variance = kind == VarianceKind::kFixedLarge ? large : small;
  line.max_log_variance = kind == VarianceKind::kFixedSmall ? small : large;
}

}  // namespace

// Ho et al. 2020, algorithm 2, on the respaced process (Nichol & Dhariwal 2021,
// section 4).
std::vector<SamplerLine> DdpmLines(const NoiseSchedule& schedule,
                                   const DiffusionSpec& spec,
                                   const SamplerOptions& options) {
  const std::vector<int> timesteps = SpacedTimesteps(schedule, options);
  const NoiseSchedule respaced = schedule.Respaced(timesteps);
  std::vector<SamplerLine> lines;
  for (int t = respaced.num_timesteps() - 1; t >= 0; --t) {
    SamplerLine line =
        NetworkLine(spec.prediction, timesteps[static_cast<size_t>(t)],
                    respaced.alpha_bar(t));
    line.a = respaced.PosteriorXWeight(t);
    line.b[0] = respaced.PosteriorX0Weight(t);
    line.adds_noise = t > 0;
    SetLogVariance(respaced, t, spec.variance, line);
    lines.push_back(line);
  }
  return lines;
}

}  // namespace cascade
