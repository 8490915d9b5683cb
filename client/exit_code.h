#pragma once

#include <grpcpp/support/status.h>

namespace cascade {

// What the command line returns, for scripts.
enum ExitCode {
  kExitOk = 0,
  kExitFailed = 1,    // The server's fault, or a file could not be written.
  kExitUsage = 2,     // Wrong flags.
  kExitRefused = 3,   // The request cannot be served as it is.
  kExitBusy = 4,      // Not now: the server is busy, absent, or not ready.
  kExitDeadline = 5,  // It took longer than --deadline.
  kExitInterrupted = 130,
};

// For `--help`.
inline constexpr char kExitCodesHelp[] =
    "Exit codes: 0 done; 1 the server failed or a file could not be written; "
    "2 wrong flags; 3 the request\nwas refused; 4 the server is busy, absent "
    "or "
    "not ready: try again; 5 the deadline passed; 130 interrupted.";

inline ExitCode ExitCodeOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return kExitOk;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::DATA_LOSS:
    case grpc::StatusCode::OUT_OF_RANGE:
      return kExitRefused;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::ABORTED:
      return kExitBusy;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return kExitDeadline;
    case grpc::StatusCode::CANCELLED:
      return kExitInterrupted;
    default:
      return kExitFailed;
  }
}

}  // namespace cascade
