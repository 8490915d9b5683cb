#pragma once

#include "absl/status/statusor.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "models/stage_spec.h"
#include "server/job/generation_request.h"
#include "server/rpc/request_conversion.h"

namespace cascade {

// Checks every field of `request` against `cascade`, decodes what it is to
// enlarge, and fills in the defaults. Takes the time of the decoding.
//
// The errors of ConvertGenerateImageRequest(), ReadStageState() and
// ReadSourceImage(); the source comes first.
absl::StatusOr<GenerationRequest> ConvertUpscaleImageRequest(
    const v1::UpscaleImageRequest& request, const CascadeSpec& cascade,
    const RequestLimits& limits, const CallFacts& call);

}  // namespace cascade
