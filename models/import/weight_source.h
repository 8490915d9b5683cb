#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/weights/safetensors.h"

namespace cascade {

// The named tensors of a file, read one at a time: a checkpoint of gigabytes
// takes the memory of its largest tensor. Owned by one thread.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  virtual const std::map<std::string, TensorInfo>& tensors() const = 0;
  // The elements of `tensor`, which must be one of tensors(), row-major.
  // DATA_LOSS naming the file and the tensor.
  virtual absl::StatusOr<std::vector<std::byte>> Read(
      const std::string& tensor) = 0;
};

// Opens `path` as what its first bytes say: a file of torch.save, or
// safetensors (those are read whole). NOT_FOUND; INVALID_ARGUMENT for another
// kind of file or a pickle that is refused; DATA_LOSS when it is damaged.
absl::StatusOr<std::unique_ptr<WeightSource>> OpenWeightSource(
    const std::string& path);

}  // namespace cascade
