#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "models/host_image.h"
#include "models/precision.h"
#include "models/sampling/sampler_table.h"
#include "models/stage_spec.h"

namespace cascade {

// What a stage hands over, its finished image or a noisy one, as exact floats:
// on the device that made it, or in host memory (models/host_stage_output.h).
// Immutable, so that any number of stages and threads may read it.
class StageOutput {
 public:
  virtual ~StageOutput() = default;

  virtual int resolution() const = 0;
  virtual int channels() const = 0;
  // The noise that is left in it: 0 for a finished image, 1 + t where its stage
  // stopped at timestep t (SamplerTable::stop_timestep).
  virtual int noise_index() const { return 0; }
  // Copies the floats to the host: channels x height x width, nominally in
  // [-1, 1]. Blocks for the device; fails as a step does.
  virtual absl::StatusOr<std::vector<float>> ToHost() const = 0;
};

// An image that was taken out of an executor between two lines, whole and in
// host memory. Any executor of the same stage goes on with it, and makes the
// same bytes. Immutable.
class ParkedImage {
 public:
  virtual ~ParkedImage() = default;

  virtual int64_t bytes() const = 0;
};

// What a stage is to do for one image.
struct ImagePlan {
  // Shared by the images of a request.
  std::shared_ptr<const SamplerTable> table;
  // Every random number of the image is a function of this seed, the stage, the
  // purpose, the line, and the element: never of its place in a batch.
  uint64_t image_seed = 0;
  // None: unconditional (the null class of a conditional network). A stage
  // without classes ignores it.
  std::optional<int> class_id;
  // s, as AugmentationSpec has it. 0 for a base; not below the noise that is
  // left in `input`, to which what is missing is added.
  double augmentation_level = 0;
  // The stage below's image; null for a base.
  std::shared_ptr<const StageOutput> input;
  // Goes on from here instead of beginning; `input` is then not looked at.
  // Null: begins.
  std::shared_ptr<const ParkedImage> parked = nullptr;
};

// A place in an executor's pool: x, x0 history, conditioning, class, seed,
// line.
using Slot = int;
// Names a submitted step.
using Ticket = uint64_t;

struct StepRow {
  Slot slot = 0;
  // Asks for 8-bit pixels: of the x0 estimate while lines remain (a preview),
  // of the finished image after the last line, or again of the estimate where
  // the table stops at a noisy one.
  bool wants_pixels = false;
};

struct RowOutcome {
  // False: x became infinite or NaN. The slot is lost; release it.
  bool finite = true;
  std::optional<HostImage> pixels;
};

struct StepOutcome {
  std::vector<RowOutcome> rows;  // In the order of the step's rows.
  absl::Duration device_time;
  // Network rows that were computed for nobody, to fill up batches.
  int padded_rows = 0;
};

// What an executor can take, fixed at load.
struct ExecutorLimits {
  int slots = 0;
  // A step computes one network row per image, two while guidance applies.
  // Sizes, ascending, that give the same bytes for an image as any other of
  // them (all sizes up to the largest in FAST mode). The first is 1.
  std::vector<int> batch_rows;
  // Ascending in rows; a subset of batch_rows.
  std::vector<BatchCost> costs;
  int64_t bytes_per_slot = 0;
  // What a step needs beside the slots, by network row: measured at load.
  int64_t bytes_per_row = 0;
  // The network's, once for all executors of the stage on the device.
  int64_t weight_bytes = 0;
  // What it computes in; never kAuto.
  Precision precision = Precision::kFp32;
};

// One stage's weights on one device, and a pool of slots.
//
// Owned by one lane and called from its thread only; StageOutputs may be read
// anywhere. A step is transactional: when Enqueue() or Wait() fails, the slots
// hold what they held before it, and it may be repeated in smaller pieces.
//
// Errors: RESOURCE_EXHAUSTED when the device's memory does not suffice;
// UNAVAILABLE when the device is lost, and nothing on it will ever work again;
// anything else is a fault of the call alone.
class StageExecutor {
 public:
  virtual ~StageExecutor() = default;

  virtual const StageSpec& spec() const = 0;
  virtual const ExecutorLimits& limits() const = 0;

  // Takes a slot for each plan and puts x_T, conditioning and table into it.
  // RESOURCE_EXHAUSTED without effect when there are fewer free slots.
  virtual absl::StatusOr<std::vector<Slot>> Admit(
      std::span<const ImagePlan> plans) = 0;

  // Submits the next line of each slot. The network rows of all (RowsOf) must
  // fit the largest of limits().batch_rows; the executor splits or pads to the
  // sizes that it holds exact. On a CPU it computes; on a GPU it returns at
  // once.
  virtual absl::StatusOr<Ticket> Enqueue(std::span<const StepRow> rows) = 0;

  // Blocks until the step is done.
  virtual absl::StatusOr<StepOutcome> Wait(Ticket ticket) = 0;

  // What a slot whose lines have all run hands over.
  virtual absl::StatusOr<std::shared_ptr<const StageOutput>> Export(
      Slot slot) = 0;

  // Copies an image to host memory between two of its lines. The slot stays as
  // it is.
  virtual absl::StatusOr<std::shared_ptr<const ParkedImage>> Park(
      Slot slot) = 0;

  // Frees the slots.
  virtual void Release(std::span<const Slot> slots) = 0;
};

}  // namespace cascade
