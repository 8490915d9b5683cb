#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace cascade {

// What is wrong with one field of a request, in the server's words.
struct RefusedField {
  std::string field;
  std::string description;
};

// How a call ended, with the details that the server sent along.
struct CallStatus {
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string message;
  std::string reason;  // ErrorInfo's, such as QUEUE_FULL.
  std::vector<RefusedField> fields;
  std::optional<absl::Duration> retry_delay;
  std::string request_id;  // What the server's log knows the call by.
  int restarts = 0;        // How often it was asked again (ImageClient).

  bool ok() const { return code == grpc::StatusCode::OK; }
};

// Reads the details of `status`, and the request id from the trailers of a call
// that has finished.
CallStatus ReadCallStatus(const grpc::Status& status,
                          const grpc::ClientContext& context);

// "RESOURCE_EXHAUSTED".
std::string CodeName(grpc::StatusCode code);

// What happened, by reason where there is one, else by code, and what to do
// about it, in a person's words; several lines for several fields. Without
// control characters.
std::string Explain(const CallStatus& status);

}  // namespace cascade
