#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "models/stage_spec.h"
#include "server/job/generation_request.h"
#include "server/job/job_event.h"
#include "server/rpc/server_identity.h"

namespace cascade {

// What the events of one call have in common.
struct EventSource {
  GenerationRequest request;
  std::shared_ptr<const CascadeSpec> cascade;
  ServerIdentity identity;
  absl::Time admitted;
};

// Converts an event to a GenerateImageResponse or UpscaleImageResponse; takes
// its bytes over. `previews_dropped` is told by `finished`. Blocks for the
// device, and fails, where a stage state is to be read.
template <typename Response>
absl::StatusOr<Response> ConvertEvent(EncodedJobEvent event,
                                      const EventSource& source,
                                      int64_t previews_dropped);

v1::ReproducibilityMode ToProto(Reproducibility mode);

}  // namespace cascade
