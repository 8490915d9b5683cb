#pragma once

#include "cascade/v1/image.pb.h"
#include "server/job/generation_request.h"
#include "server/job/job_event.h"
#include "server/rpc/field_check.h"

namespace cascade {

// A request's field `output`, for stages `first_stage`..`target_stage`. What is
// wrong goes to `check`.
OutputOptions ConvertOutputOptions(const v1::OutputOptions& output,
                                   int first_stage, int target_stage,
                                   FieldCheck& check);

// Takes the bytes over.
v1::Image ToProto(EncodedImage image);

}  // namespace cascade
