#pragma once

#include "cascade/v1/image_generation_service.pb.h"

namespace cascade {

// The first stage of `request` that runs, as far as a client knows: for an
// image without `first_stage`, the lowest that there is.
int FirstStage(const v1::UpscaleImageRequest& request);

// Sets what both requests have, and leaves cascade and source as they are.
void SetFields(const v1::GenerateImageRequest& fields,
               v1::UpscaleImageRequest& request);

}  // namespace cascade
