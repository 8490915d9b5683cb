#include "models/sampling/solver_point.h"

#include <cmath>

namespace cascade {

double HalfLogSnr(const SolverPoint& point) {
  return std::log(point.signal / point.noise);
}

SamplerLine NetworkLine(PredictionType prediction, int timestep,
                        double alpha_bar) {
  SamplerLine line;
  line.timestep = timestep;
  switch (prediction) {
    case PredictionType::kEpsilon:
      line.c_x = std::sqrt(1 / alpha_bar);
      line.c_out = -std::sqrt(1 / alpha_bar - 1);
      break;
    case PredictionType::kVelocity:
      line.c_x = std::sqrt(alpha_bar);
      line.c_out = -std::sqrt(1 - alpha_bar);
      break;
    case PredictionType::kSample:
    case PredictionType::kEdm:
    case PredictionType::kConsistency:
      line.c_x = 0;
      line.c_out = 1;
      break;
  }
  return line;
}

SolverPoint DiscretePoint(const NoiseSchedule& schedule,
                          PredictionType prediction, int timestep) {
  const double alpha_bar = schedule.alpha_bar(timestep);
  return {.line = NetworkLine(prediction, timestep, alpha_bar),
          .signal = std::sqrt(alpha_bar),
          .noise = std::sqrt(1 - alpha_bar)};
}

SolverPoint KarrasPoint(const DiffusionSpec& spec, double sigma) {
  // Keeps the logarithm finite at sigma = 0, as consistency_models does; it
  // changes no other.
  constexpr double kSmallest = 1e-44;
  const double data = spec.karras.sigma_data;
  const double total = std::sqrt(sigma * sigma + data * data);
  const double s = spec.prediction == PredictionType::kConsistency
                       ? sigma - spec.karras.sigma_min
                       : sigma;
  SolverPoint point;
  point.noise = sigma;
  point.line.timestep = 1000 * 0.25 * std::log(sigma + kSmallest);
  point.line.c_in = 1 / total;
  point.line.c_x = data * data / (s * s + data * data);
  point.line.c_out = s * data / total;
  return point;
}

}  // namespace cascade
