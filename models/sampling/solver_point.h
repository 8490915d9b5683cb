#pragma once

#include "models/sampling/diffusion_spec.h"
#include "models/sampling/noise_schedule.h"
#include "models/sampling/sampler_table.h"

namespace cascade {

// A noise level that a solver visits: x = signal x_0 + noise eps, sigma = noise
// / signal. `line` evaluates the network there and makes x_0 of its output; how
// x moves on is the solver's. So every solver is written once, for discrete
// processes and for those in sigma.
struct SolverPoint {
  SamplerLine line;
  double signal = 1;
  double noise = 0;
};

// log(signal / noise): the lambda of Lu et al. 2022, infinite without noise.
double HalfLogSnr(const SolverPoint& point);

// A line at `timestep` of the process (what the network is told of it comes
// later) whose c_x and c_out turn the network's output into x0. Not for kEdm
// and kConsistency.
SamplerLine NetworkLine(PredictionType prediction, int timestep,
                        double alpha_bar);

SolverPoint DiscretePoint(const NoiseSchedule& schedule,
                          PredictionType prediction, int timestep);

// The point at `sigma` of a process whose schedule is kKarras.
SolverPoint KarrasPoint(const DiffusionSpec& spec, double sigma);

}  // namespace cascade
