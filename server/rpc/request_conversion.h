#pragma once

#include "absl/status/statusor.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "models/stage_spec.h"
#include "server/job/generation_request.h"

namespace cascade {

// What the server's configuration allows a request.
struct RequestLimits {
  int max_image_count = 64;  // 1 or more.
};

// Classes of a cascade; 0 for an unconditional one.
int NumClasses(const CascadeSpec& cascade);
// Whether images can be drawn without a class.
bool SupportsUnconditional(const CascadeSpec& cascade);

// Checks every field of `request` against `cascade` and fills in its defaults.
// A seed that is unset becomes `fallback_seed`. The request's id and deadline
// are the caller's to set.
//
// INVALID_ARGUMENT with a violation for each field that is wrong; else
// UNIMPLEMENTED with one for each field that is not honoured.
absl::StatusOr<GenerationRequest> ConvertGenerateImageRequest(
    const v1::GenerateImageRequest& request, const CascadeSpec& cascade,
    const RequestLimits& limits, uint64_t fallback_seed);

}  // namespace cascade
