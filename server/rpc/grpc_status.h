#pragma once

#include <grpcpp/support/status.h>

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace cascade {

// Trailer that tells gRPC's own retries how long to wait.
inline constexpr char kPushbackTrailer[] = "grpc-retry-pushback-ms";

// The one conversion of errors: code, message, and a google.rpc.Status with
// ErrorInfo, BadRequest and RetryInfo, as server/base/error_reason.h has them.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The stable reason of an error: the one that was attached to it, else one that
// its code means. Empty for OK.
std::string ReasonOf(const absl::Status& status);

// The value of kPushbackTrailer, if the error says when to retry.
std::optional<std::string> RetryPushback(const absl::Status& status);

}  // namespace cascade
