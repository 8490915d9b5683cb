#include "models/sampling/sampler_choice.h"

namespace cascade {

void ChooseSampler(SamplerKind kind, SamplerOptions& options) {
  if (kind == options.kind) return;
  options.kind = kind;
  options.spacing = TimestepSpacing::kEven;
  options.eta = 0;
  options.grid_points.clear();
}

}  // namespace cascade
