#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "models/stage_spec.h"
#include "server/job/generation_request.h"

namespace cascade {

class FieldCheck;

// What the server's configuration allows a request.
struct RequestLimits {
  int max_image_count = 64;  // 1 or more.
  // Of an image from elsewhere; checked before it is decoded.
  int64_t max_upload_pixels = int64_t{4096} * 4096;
};

// What the call says of a request, and not the message.
struct CallFacts {
  std::string request_id;
  absl::Time arrival;
  absl::Time deadline = absl::InfiniteFuture();
  std::string tenant;          // Empty: it did not say.
  uint64_t fallback_seed = 0;  // For a request that has none.
};

// Classes of a cascade; 0 for an unconditional one.
int NumClasses(const CascadeSpec& cascade);
// Whether images can be drawn without a class.
bool SupportsUnconditional(const CascadeSpec& cascade);

// Checks every field of `request` against `cascade` and fills in its defaults.
//
// INVALID_ARGUMENT with a violation for each field that is wrong; else
// UNIMPLEMENTED with one for each field that is not honoured.
absl::StatusOr<GenerationRequest> ConvertGenerateImageRequest(
    const v1::GenerateImageRequest& request, const CascadeSpec& cascade,
    const RequestLimits& limits, const CallFacts& call);

// INVALID_ARGUMENT, naming the field, when a list has more entries than the
// cascade has stages to tell of. Comes before anything looks at the entries.
absl::Status CheckEntryCounts(
    const google::protobuf::RepeatedPtrField<v1::StageOptions>& stages,
    const v1::OutputOptions& output, const CascadeSpec& cascade);

// The fields that both RPCs have, for a request whose first stage is this one
// and enlarges `input` (null for a base). What is wrong goes to `check`.
GenerationRequest ConvertFields(const v1::GenerateImageRequest& request,
                                const CascadeSpec& cascade, int first_stage,
                                std::shared_ptr<const StageOutput> input,
                                const RequestLimits& limits,
                                const CallFacts& call, FieldCheck& check);

// Refuses what this build's `.proto` files do not have.
void RefuseUnknownFields(const google::protobuf::Message& request,
                         FieldCheck& check);

}  // namespace cascade
