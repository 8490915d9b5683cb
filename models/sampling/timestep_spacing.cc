#include "models/sampling/timestep_spacing.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"

namespace cascade {
namespace {

// Appends `count` of the `size` timesteps from `start`.
void AppendSection(int start, int size, int count, std::vector<int>& out) {
  const double stride =
      count <= 1 ? 1.0 : static_cast<double>(size - 1) / (count - 1);
  // Accumulated, not multiplied: the rounding of the sum decides ties.
  double offset = 0;
  for (int i = 0; i < count; ++i) {
    out.push_back(start + static_cast<int>(std::nearbyint(offset)));
    offset += stride;
  }
}

}  // namespace

absl::StatusOr<std::vector<int>> SectionTimesteps(int num_timesteps,
                                                  std::span<const int> counts) {
  std::vector<int> timesteps;
  if (counts.empty()) {
    return absl::InvalidArgumentError("sections: there are none");
  }
  const int sections = static_cast<int>(counts.size());
  const int size = num_timesteps / sections;
  const int extra = num_timesteps % sections;
  int start = 0;
  for (int i = 0; i < sections; ++i) {
    const int section_size = size + (i < extra ? 1 : 0);
    const int count = counts[static_cast<size_t>(i)];
    if (count < 1 || count > section_size) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "sections[%d] = %d is not in 1..%d", i, count, section_size));
    }
    AppendSection(start, section_size, count, timesteps);
    start += section_size;
  }
  return timesteps;
}

std::vector<int> EvenTimesteps(int num_timesteps, int count) {
  if (count == 1) return {num_timesteps - 1};
  std::vector<int> timesteps;
  AppendSection(0, num_timesteps, count, timesteps);
  return timesteps;
}

std::vector<int> StrideTimesteps(int num_timesteps, int count) {
  if (count > 1) {
    // The smallest stride with ceil(num_timesteps / stride) <= count.
    const int stride = (num_timesteps + count - 1) / count;
    if ((num_timesteps + stride - 1) / stride == count) {
      std::vector<int> timesteps;
      for (int i = 0; i < count; ++i) timesteps.push_back(i * stride);
      return timesteps;
    }
  }
  return EvenTimesteps(num_timesteps, count);
}

std::vector<int> SolverTimesteps(int num_timesteps, int count) {
  if (count >= num_timesteps) {
    return EvenTimesteps(num_timesteps, num_timesteps);
  }
  std::vector<int> timesteps;
  for (int i = 1; i <= count; ++i) {
    const double position = static_cast<double>(i) *
                            ((num_timesteps - 1) / static_cast<double>(count));
    timesteps.push_back(static_cast<int>(std::nearbyint(position)));
  }
  return timesteps;
}

}  // namespace cascade
