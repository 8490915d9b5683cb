#pragma once

#include <string>
#include <vector>

#include "models/import/attention_layout.h"
#include "models/weights/cascade_manifest.h"

namespace cascade {

// A published checkpoint: what its authors' scripts say about it, as a stage.
struct KnownCheckpoint {
  std::string name;         // Of its file, without ".pt".
  std::string origin;       // "openai/guided-diffusion"
  std::string description;  // For `import --help`.
  StageManifest stage;      // Without weights; the file's attention order.
  AttentionLayout attention = AttentionLayout::kLegacy;
};

// All of them, by origin and size.
const std::vector<KnownCheckpoint>& KnownCheckpoints();
// Null when there is none of that name.
const KnownCheckpoint* FindKnownCheckpoint(const std::string& name);

}  // namespace cascade
