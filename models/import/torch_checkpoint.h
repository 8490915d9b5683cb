#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "models/import/weight_source.h"

namespace cascade {

// Opens a state dict in the file that torch.save writes since PyTorch 1.6: a
// zip archive NAME/data.pkl, NAME/data/0, NAME/data/1, ... with the pickle of
// ReadPickledStateDict() and one record of raw little-endian numbers a storage.
// Tensors may share a storage, and need not be contiguous.
//
// Entries are stored, not compressed, as torch.save writes them; that and their
// sizes are checked before anything of that size is allocated, and every
// checksum of what is used before the first tensor is read.
// INVALID_ARGUMENT for what is refused, DATA_LOSS for what is damaged; both
// name the file and the entry.
absl::StatusOr<std::unique_ptr<WeightSource>> OpenTorchCheckpoint(
    const std::string& path);

}  // namespace cascade
