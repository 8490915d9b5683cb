#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/runtime/slot_pool.h"

namespace cascade {

// Where the network row of an image comes from.
struct GatherRow {
  int64_t x_row = 0;        // In SlotPool::x.
  int64_t low_res_row = 0;  // In SlotPool::low_res.
  double c_in = 1;
};

// One image of a step: where its update reads and writes.
struct UpdateRow {
  const SamplerLine* line = nullptr;
  double guidance_scale = 1;
  bool learned_variance = false;
  int64_t output_row = 0;
  int64_t unconditional_row = 0;  // Read when the line is guided.
  int64_t x_row = 0;
  int64_t next_x_row = 0;
  // In SlotPool::x0: [0] is written, the others are read where b is not 0.
  std::array<int64_t, kHistoryLength> x0_rows = {};
  const float* noise = nullptr;  // On the host; read when the line adds noise.
};

// What a step does beside the network. Throws what LibTorch throws.
class StepKernels {
 public:
  virtual ~StepKernels() = default;

  // Copies the rows from `pool` to the first rows of `x` (times c_in) and, for
  // an SR stage, `low_res`.
  virtual void Gather(const SlotPool& pool, std::span<const GatherRow> rows,
                      const at::Tensor& x, const at::Tensor& low_res) = 0;

  // Updates the rows of `pool` from the network's `output`. Returns which
  // images stayed finite.
  virtual std::vector<bool> Update(std::span<const UpdateRow> rows,
                                   const at::Tensor& output,
                                   const SlotPool& pool) = 0;
};

// Plain loops over host memory.
std::unique_ptr<StepKernels> MakeHostKernels();
// ATen operators, for any device; the same arithmetic.
std::unique_ptr<StepKernels> MakeAtenKernels();

}  // namespace cascade
