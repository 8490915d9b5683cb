#pragma once

#include "absl/strings/string_view.h"
#include "models/sampling/sampler_options.h"

namespace cascade {

// As messages say it: "DPM-Solver++(2M)".
absl::string_view SamplerName(SamplerKind kind);

}  // namespace cascade
