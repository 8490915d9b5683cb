#pragma once

#include <functional>

#include "server/options.h"
#include "server/server.h"

namespace cascade {

// Server::RealEnvironment, or another one's models.
using MakeEnvironment = std::function<Server::Environment(
    const Options& options, std::function<void()> on_failure)>;

// cascade-server from its arguments to its exit code: options to a Server, and
// signals to its drain. For main(), once in a process.
//
// Exit codes: 0 drained; 1 could not start; 2 wrong options; 3 a device is lost
// or hangs: start anew.
int RunServer(int argc, const char* const* argv,
              const MakeEnvironment& make_environment);

}  // namespace cascade
