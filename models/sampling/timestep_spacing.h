#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace cascade {

// Divides 0 .. num_timesteps - 1 into as many equal sections as there are
// counts and takes that many evenly spaced timesteps of each, both ends
// included; ascending. Rounds half to even, as the published models do, so
// their checkpoints see the timesteps that they were measured with. A section
// of one takes its first timestep.
// INVALID_ARGUMENT when a section is smaller than its count, or a count < 1.
absl::StatusOr<std::vector<int>> SectionTimesteps(int num_timesteps,
                                                  std::span<const int> counts);

// `count` timesteps of 0 .. num_timesteps - 1 with both ends, ascending; one
// timestep is the last, where sampling starts from noise.
// 1 <= count <= num_timesteps.
std::vector<int> EvenTimesteps(int num_timesteps, int count);

// "ddimN": 0, i, 2i, ... with the smallest stride i that gives `count`
// timesteps (Song et al. 2021). It stops short of the last timestep. A count
// that no stride gives, and 1, get EvenTimesteps().
std::vector<int> StrideTimesteps(int num_timesteps, int count);

// The lines of a multistep solver: the `count` highest of count + 1 evenly
// spaced timesteps, ascending. The solver jumps from the lowest to the clean
// image. A count that leaves no room for a lower timestep gets all timesteps.
std::vector<int> SolverTimesteps(int num_timesteps, int count);

}  // namespace cascade
