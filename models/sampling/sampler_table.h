#pragma once

#include <array>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "models/sampling/diffusion_spec.h"
#include "models/sampling/sampler_options.h"

namespace cascade {

// x0 estimates that a line may look back on, the current one included.
inline constexpr int kHistoryLength = 4;

// One network evaluation of one image, whatever the sampler:
//
//   output = network(c_in * x, timestep)
//            guided: uncond + scale * (cond - uncond)
//   x0     = threshold(c_x * x + c_out * output)
//   x_next = a * x + sum_k b[k] * x0_history[k] + n * noise
//            k = 0 is this x0
//
// n = exp(log_variance / 2), where log_variance lies between the two bounds: at
// the fraction (v + 1) / 2 for a learned-range network (v: the second half of
// its output channels), and both bounds are equal otherwise.
struct SamplerLine {
  // What the network is told of the noise (ToldNoise()): a timestep of the
  // training's process, or a scaled noise level; under the schedule kKarras 250
  // log(sigma).
  double timestep = 0;
  double c_in = 1;
  double c_x = 0;
  double c_out = 1;
  ThresholdOptions threshold = {};
  double a = 0;
  std::array<double, kHistoryLength> b = {};
  bool adds_noise = false;
  double min_log_variance = 0;  // Where v = -1.
  double max_log_variance = 0;  // Where v = +1.
  bool guided = false;

  bool operator==(const SamplerLine&) const = default;
};

// A sampler, compiled for one stage: the lines in the order they run, at least
// one.
struct SamplerTable {
  // x_T is this times normal noise.
  double initial_scale = 1;
  double guidance_scale = 1;
  // The network has variance channels, used or not (DDIM ignores them).
  bool learned_variance = false;
  // The timestep whose noise the last line leaves in x, which its x0 then
  // estimates. None: x is the image.
  std::optional<int> stop_timestep;
  std::vector<SamplerLine> lines;

  bool operator==(const SamplerTable&) const = default;
};

// Network rows that `line` takes for one image: two while guidance applies.
inline int RowsOf(const SamplerLine& line) { return line.guided ? 2 : 1; }

// Network rows that the lines from `first_line` on take for one image: what is
// left to do.
int RowsFrom(const SamplerTable& table, int first_line);

// Compiles `options` for a stage trained as `spec`. All arithmetic is double.
// With `stop_timestep` (0 or more, of the schedule that is used) the process
// ends there instead of at the clean image (truncated conditioning
// augmentation, Ho et al. 2022, section 4.1): it joins the timesteps that the
// steps visit, and those below are left out, so there are fewer lines.
// INVALID_ARGUMENT, with the option's name and value, for what cannot be run.
absl::StatusOr<SamplerTable> CompileSampler(
    const DiffusionSpec& spec, const SamplerOptions& options,
    std::optional<int> stop_timestep = std::nullopt);

}  // namespace cascade
