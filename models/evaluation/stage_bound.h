#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "models/evaluation/bound_timesteps.h"
#include "models/training/variational_bound.h"

namespace cascade {

// The parts of one image's bound, in nats.
struct ImageBound {
  double prior = 0;
  double steps = 0;    // The divergences of all timesteps, or their estimate.
  double decoder = 0;  // 0 where the process is truncated before it.

  double total() const { return prior + steps + decoder; }
};

// What the evaluations at one timestep came to.
struct TimestepBound {
  double sum = 0;  // Of weight times nats: over the images, an estimate of the
                   // sum of their terms.
  int64_t evaluations = 0;
};

// Estimates the variational bound of a stage for one image after the other:
//
//   -log p(x_0)                            <=  prior + sum_{t >= 1} KL_t
//                                              + decoder,
//   E_q[ log q(x_s | x_0) - log p(x_s) ]   <=  prior + sum_{t >= s} KL_t
//
// (Ho et al. 2020, eq. 5). The second is of a process that is truncated at x_s,
// whose index is s: its first s steps are never taken. It is what a stage adds
// to the bound of a cascade whose next stage is told x_s (Ho et al. 2022,
// section 4.1).
//
// Random numbers are functions of the seed, the stage and the image's number.
class StageBound {
 public:
  struct Options {
    // s: 0 for the whole bound, else the first of the terms, up to T.
    int first_timestep = 0;
    int timesteps_per_image = 0;  // Drawn of those from 1 on; 0: all.
    int batch_rows = 64;          // Of one network evaluation, at most.
    uint64_t seed = 1;
    int stage = 0;
    bool clip = true;  // The network's x_0 to [-1, 1], as sampling does.
  };
  // Raw outputs, double or float, for rows of x_t (float) at `timesteps`; row i
  // belongs to image images[i] of x0.
  using Network = std::function<at::Tensor(const at::Tensor& x_t,
                                           const std::vector<int>& timesteps,
                                           const std::vector<int64_t>& images)>;

  StageBound(const DiffusionSpec& spec, const Options& options);

  // The bounds of `x0` [images, channels, size, size], whose numbers are
  // `numbers`. Throws what LibTorch throws.
  std::vector<ImageBound> Evaluate(const at::Tensor& x0,
                                   std::span<const int64_t> numbers,
                                   const Network& network);

  // Of each timestep, over all images so far.
  const std::vector<TimestepBound>& timesteps() const { return timesteps_; }

 private:
  struct Row {
    int64_t image = 0;
    WeightedTimestep at;
    uint32_t draw = 0;
  };
  std::vector<Row> RowsOf(int64_t image, int64_t number) const;
  at::Tensor NoiseOf(std::span<const Row> rows,
                     std::span<const int64_t> numbers,
                     at::IntArrayRef shape) const;

  const VariationalBound bound_;
  const Options options_;
  const BoundTimesteps plan_;
  std::vector<TimestepBound> timesteps_;
};

}  // namespace cascade
