#include "models/sampling/sampler_name.h"

namespace cascade {

absl::string_view SamplerName(SamplerKind kind) {
  switch (kind) {
    case SamplerKind::kDdpm:
      return "DDPM";
    case SamplerKind::kDdim:
      return "DDIM";
    case SamplerKind::kDpmSolverPlusPlus2M:
      return "DPM-Solver++(2M)";
    case SamplerKind::kHeun:
      return "Heun";
    case SamplerKind::kConsistency:
      return "consistency sampling";
    case SamplerKind::kUniPc3:
      return "UniPC-3";
  }
  return "unknown";
}

}  // namespace cascade
