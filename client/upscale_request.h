#pragma once

#include "cascade/v1/cascade_service.pb.h"
#include "cascade/v1/image_generation_service.pb.h"

namespace cascade {

// The first stage of `request` that runs, as far as a client knows: for an
// image without `first_stage`, the lowest that there is. At most the number of
// stages, whatever a file or a flag says.
int FirstStage(const v1::UpscaleImageRequest& request,
               const v1::Cascade& cascade);

// Sets what both requests have, and leaves cascade and source as they are.
void SetFields(const v1::GenerateImageRequest& fields,
               v1::UpscaleImageRequest& request);

}  // namespace cascade
