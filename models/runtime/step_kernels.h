#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/time/time.h"
#include "models/nn/unet.h"
#include "models/runtime/slot_pool.h"
#include "models/sampling/noise_source.h"

namespace cascade {

// One row for the network to evaluate.
struct NetworkRow {
  int64_t x_row = 0;        // In SlotPool::x.
  int64_t low_res_row = 0;  // In SlotPool::low_res.
  double c_in = 1;
  double timestep = 0;
  int64_t class_id = 0;
  float augmentation = 0;
};

// Network rows of a step that are evaluated together: `used` from `begin` on,
// and spare ones up to `count`, which repeat the last.
struct BatchRows {
  size_t begin = 0;
  size_t used = 0;
  size_t count = 0;
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
  // Of the noise, when the line adds any; and on the host, unless the kernels
  // make it.
  NoiseKey noise_key;
  const float* noise = nullptr;
  // On the host, for the image's pixels; empty: none are wanted. Not written
  // when the image does not stay finite.
  std::span<uint8_t> pixels;
  bool pixels_of_x = false;  // Of the next x; otherwise of x0.
};

// What came of a step.
struct StepResult {
  std::vector<bool> finite;  // Of each image.
  // By the device's clock; none where the step was done when Update() returned.
  std::optional<absl::Duration> device_time;
};

// A step under way.
class PendingStep {
 public:
  virtual ~PendingStep() = default;

  // Blocks until the step is done and its pixels are on the host. Once. Throws
  // what LibTorch throws.
  virtual StepResult Wait() = 0;
};

// What a step does beside the network. Owned by one executor, and called on its
// stream. Throws what LibTorch throws.
class StepKernels {
 public:
  virtual ~StepKernels() = default;

  // Whether Update() makes the noise of CounterNoise by itself.
  virtual bool makes_noise() const { return false; }

  // Begins a step of these network rows and images, which stay as they are
  // until Update() returns. At most kMaxPendingSteps steps may be under way.
  virtual void Begin(std::span<const NetworkRow> network_rows,
                     std::span<const UpdateRow> update_rows) = 0;

  // Writes a batch of the step's network rows to the first rows of `input`'s
  // tensors, x times c_in.
  virtual void Gather(const BatchRows& batch, const SlotPool& pool,
                      const nn::UNetInput& input) = 0;

  // Updates the images in `pool` from the `output` of all network rows.
  virtual std::unique_ptr<PendingStep> Update(const at::Tensor& output,
                                              const SlotPool& pool) = 0;
};

inline constexpr int kMaxPendingSteps = 2;

// A step that was done when Update() returned.
std::unique_ptr<PendingStep> MakeDoneStep(StepResult result);

// Plain loops over host memory.
std::unique_ptr<StepKernels> MakeHostKernels();
// ATen operators, for any device; the same arithmetic.
std::unique_ptr<StepKernels> MakeAtenKernels();

}  // namespace cascade
