#pragma once

#include <cstdint>
#include <memory>

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
};

// Converts an event; takes its bytes over. `previews_dropped` is told by
// `finished`.
v1::GenerateImageResponse ConvertEvent(EncodedJobEvent event,
                                       const EventSource& source,
                                       int64_t previews_dropped);

v1::ReproducibilityMode ToProto(Reproducibility mode);

}  // namespace cascade
