#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/import/known_checkpoints.h"
#include "models/weights/cascade_manifest.h"
#include "models/weights/safetensors.h"

namespace cascade {

// OK if `tensors` are the parameters of `known`'s network in its layout, no
// more and no fewer, of float types. INVALID_ARGUMENT naming the first tensor
// that is missing, extra, mis-shaped or of another type, and how many more are
// wrong.
absl::Status CheckCheckpoint(const std::map<std::string, TensorInfo>& tensors,
                             const KnownCheckpoint& known);

// Reads a published checkpoint, checks it and writes its weights to `folder`,
// with the attention layers in kImportedOrder. Returns the stage with its
// digest and where it comes from. Tensors keep their types and are copied one
// at a time. Errors name the file.
absl::StatusOr<StageManifest> ImportStage(const std::string& checkpoint,
                                          const KnownCheckpoint& known,
                                          const std::string& folder);

}  // namespace cascade
