#include "client/load_reply.h"

namespace cascade {

LoadOutcome OutcomeOf(const CallStatus& status, bool admitted,
                      bool to_be_cancelled) {
  using grpc::StatusCode;
  if (status.ok()) return LoadOutcome::kOk;
  if (to_be_cancelled && status.code == StatusCode::CANCELLED) {
    return LoadOutcome::kCancelled;
  }
  // Without a reason it is the connection or gRPC itself that gave up.
  if (!admitted && !status.reason.empty() &&
      (status.code == StatusCode::RESOURCE_EXHAUSTED ||
       status.code == StatusCode::UNAVAILABLE ||
       status.code == StatusCode::DEADLINE_EXCEEDED)) {
    return LoadOutcome::kRefused;
  }
  return status.code == StatusCode::DEADLINE_EXCEEDED
             ? LoadOutcome::kDeadlineMissed
             : LoadOutcome::kFailed;
}

}  // namespace cascade
