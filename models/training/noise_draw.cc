#include "models/training/noise_draw.h"

#include <cmath>

#include "models/sampling/counter_noise.h"
#include "models/sampling/noise_conditioning.h"

namespace cascade {

std::vector<NoiseDraw> DrawNoise(const DiffusionSpec& spec,
                                 const NoiseSchedule& schedule, int64_t count,
                                 uint64_t seed, int stage, int64_t step) {
  NoiseKey key{.seed = seed,
               .stage = static_cast<uint32_t>(stage),
               .purpose = NoisePurpose::kTrainingTimestep,
               .step = static_cast<uint32_t>(step)};
  std::vector<double> timesteps(static_cast<size_t>(count));
  FillUniform(key, timesteps);
  const bool continuous = spec.conditioning == NoiseConditioning::kNoiseLevel;
  std::vector<double> places(timesteps.size(), 0);
  if (continuous) {
    key.purpose = NoisePurpose::kTrainingNoiseLevel;
    FillUniform(key, places);
  }
  std::vector<NoiseDraw> draws(timesteps.size());
  for (size_t i = 0; i < draws.size(); ++i) {
    NoiseDraw& draw = draws[i];
    draw.timestep = static_cast<int>(timesteps[i] * schedule.num_timesteps());
    draw.alpha_bar = schedule.alpha_bar(draw.timestep);
    if (continuous) {
      const double low = std::sqrt(draw.alpha_bar);
      const double high = std::sqrt(schedule.previous_alpha_bar(draw.timestep));
      const double level = low + places[i] * (high - low);
      draw.alpha_bar = level * level;
    }
    draw.told = ToldNoise(spec.conditioning, draw.timestep, draw.alpha_bar);
  }
  return draws;
}

}  // namespace cascade
