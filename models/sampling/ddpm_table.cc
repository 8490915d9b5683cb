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
std::vector<SamplerLine> DdpmLines(const SamplerPath& path,
                                   const DiffusionSpec& spec,
                                   const SamplerOptions& options) {
  std::vector<int> timesteps = VisitedTimesteps(path, options);
  // The respaced process goes through the stop, and its lines end there.
  const int last_line = path.stop_timestep.has_value() ? 1 : 0;
  if (last_line > 0) timesteps.insert(timesteps.begin(), *path.stop_timestep);
  const NoiseSchedule respaced = path.schedule.Respaced(timesteps);
  std::vector<SamplerLine> lines;
  for (int t = respaced.num_timesteps() - 1; t >= last_line; --t) {
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
