#include "models/sampling/noise_conditioning.h"

#include <cmath>

namespace cascade {

double ToldNoiseLevel(double alpha_bar) {
  return kNoiseLevelScale * std::sqrt(alpha_bar);
}

double ToldNoise(NoiseConditioning conditioning, int timestep,
                 double alpha_bar) {
  return conditioning == NoiseConditioning::kNoiseLevel
             ? ToldNoiseLevel(alpha_bar)
             : timestep;
}

}  // namespace cascade
