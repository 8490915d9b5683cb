#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/weights/safetensors.h"

namespace cascade {

// A tensor as a state dict's pickle describes it: a view of a storage, whose
// bytes lie elsewhere in the file. Counts are in elements of `type`.
struct PickledTensor {
  std::string storage = {};  // Its key: the record data/KEY.
  TensorType type = TensorType::kF32;
  int64_t storage_elements = 0;
  int64_t offset = 0;
  std::vector<int64_t> shape = {};
  std::vector<int64_t> strides = {};

  // Elements from the first to the last that the tensor has, both included;
  // 0 for an empty one.
  int64_t span() const;
};

// Reads the pickle (protocol 2) that torch.save writes for a state dict: an
// OrderedDict or dict of names and tensors.
//
// A pickle is a program. This reader runs only what such a file needs: it
// builds values of its own, knows no objects, imports nothing and calls
// nothing. Eleven names are understood: collections.OrderedDict,
// torch._utils._rebuild_tensor_v2, torch._utils._rebuild_parameter, and the
// classes of storages (torch.FloatStorage, ...) as the types that they name.
// Every other name and every other opcode is refused, and sizes, numbers of
// values and nesting are bounded. Every tensor lies inside its storage.
//
// INVALID_ARGUMENT for what is refused, naming the opcode or the callable and
// the byte; DATA_LOSS for what is malformed or truncated.
absl::StatusOr<std::map<std::string, PickledTensor>> ReadPickledStateDict(
    std::span<const std::byte> pickle);

}  // namespace cascade
