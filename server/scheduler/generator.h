#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/stage_spec.h"
#include "server/job/event_stream.h"
#include "server/job/generation_request.h"

namespace cascade {

// Names an admitted job.
using JobId = uint64_t;

struct Admitted {
  JobId id = 0;
  std::shared_ptr<EventStream> events;
};

// What the RPCs need of the engine. Thread-safe; the Scheduler implements it.
class Generator {
 public:
  virtual ~Generator() = default;

  // The loaded cascades. NOT_FOUND, with the names that there are.
  virtual absl::StatusOr<std::shared_ptr<const CascadeSpec>> FindCascade(
      std::string_view name) const = 0;
  virtual std::vector<std::shared_ptr<const CascadeSpec>> ListCascades()
      const = 0;

  // Admits a job or refuses it: RESOURCE_EXHAUSTED when the bounds of the queue
  // or of the tenant are met, or when the deadline cannot be met now,
  // DEADLINE_EXCEEDED when an idle server could not meet it either, UNAVAILABLE
  // while draining, NOT_FOUND for the cascade, ABORTED when another version of
  // the cascade has taken its place: find it and check the request again. Never
  // blocks. The first event is `queued`; exactly one Close() ends the stream.
  virtual absl::StatusOr<Admitted> Submit(GenerationRequest request) = 0;

  // Whether Submit() would find room for `image_count` images now, before the
  // request is looked at any closer: its errors, but for those of deadlines.
  virtual absl::Status CheckRoom(const std::string& cascade,
                                 const std::string& tenant,
                                 int image_count) const = 0;

  // Ends a job: its images leave before the next step is submitted, and its
  // stream closes with `reason`. Without effect on a job that has ended.
  virtual void Cancel(JobId id, absl::Status reason) = 0;
};

}  // namespace cascade
