#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "models/precision.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"

namespace cascade {

// The weights of a cascade, resident in memory. Thread-safe; outlives the
// executors that it makes.
class CascadeModel {
 public:
  virtual ~CascadeModel() = default;

  virtual const CascadeSpec& spec() const = 0;

  // Makes an executor for one lane: a slot pool of its own over the weights
  // that all executors of the stage on `device` share. Loads those, warms up
  // and measures the batch sizes on first use, which blocks for seconds. Any
  // thread may call it, and hand the executor to its lane.
  virtual absl::StatusOr<std::unique_ptr<StageExecutor>> MakeExecutor(
      int stage_index, const std::string& device) const = 0;
};

enum class Reproducibility {
  kExact,  // Only batch sizes that give the same bytes; the default.
  kFast,   // Every batch size.
};

struct LoadOptions {
  std::string name;  // What to call the cascade; empty: as the package says.
  int max_batch_rows = 32;      // 1..1024.
  int slots_per_executor = 64;  // 1..4096.
  Reproducibility reproducibility = Reproducibility::kExact;
  // Of all stages; kAuto: what the package says of each.
  Precision precision = Precision::kAuto;
};

// Reads the package in folder `path`: cascade.json and one weight file a stage.
// Every name, shape, dtype and digest is checked; what is wrong is told with
// file and tensor, and a half-good package is refused whole.
// NOT_FOUND, INVALID_ARGUMENT (malformed), DATA_LOSS (wrong digest or
// truncated).
absl::StatusOr<std::unique_ptr<CascadeModel>> LoadCascade(
    const std::string& path, const LoadOptions& options);

// Memory of a device, bytes.
struct DeviceMemory {
  int64_t total = 0;
  int64_t free = 0;
};

// What the device has and what is left of it now: of "cpu", within the limits
// of the process's control group. INVALID_ARGUMENT for a name that is no
// device's, UNIMPLEMENTED for one that is not in this build, NOT_FOUND for one
// that the machine has not got.
absl::StatusOr<DeviceMemory> MemoryOf(const std::string& device);

// "0.1.0 cpu avx512_bf16 torch 2.11.0": what the same bytes are promised on.
std::string BuildDescription();

}  // namespace cascade
