#pragma once

#include "client/call_status.h"

namespace cascade {

// What the command line returns, for scripts.
enum ExitCode {
  kExitOk = 0,
  kExitFailed = 1,    // The server's fault, or a file could not be written.
  kExitUsage = 2,     // Wrong flags.
  kExitRefused = 3,   // The request cannot be served as it is.
  kExitBusy = 4,      // Not now: the server is busy, absent, or not ready.
  kExitDeadline = 5,  // It took longer than --deadline.
  kExitInterrupted = 130,  // By Ctrl-C or SIGTERM.
};

// For `--help`.
inline constexpr char kExitCodesHelp[] =
    "Exit codes: 0 done; 1 the server failed or a file could not be written; "
    "2 wrong flags; 3 the request\nwas refused; 4 the server is busy, absent "
    "or "
    "not ready: try again; 5 the deadline passed; 130 interrupted.";

inline ExitCode ExitCodeOf(const CallStatus& status) {
  switch (status.code) {
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
      // Time heals what comes with a delay.
      return status.retry_delay.has_value() ? kExitBusy : kExitRefused;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::ABORTED:
      return kExitBusy;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return kExitDeadline;
    default:
      return kExitFailed;
  }
}

}  // namespace cascade
