#include "server/run_server.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <variant>

#include "server/termination.h"

namespace cascade {
namespace {

constexpr int kDeviceFailed = 3;

int Serve(const Options& options, const MakeEnvironment& make_environment) {
  // Also a client that hangs up may not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  EndOnTermination();
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Create(options, make_environment(options, RequestTermination));
  if (!server.ok()) {
    std::fprintf(stderr, "cascade-server: %s\n",
                 std::string(server.status().message()).c_str());
    return 1;
  }
  // Before the line: who reads it may send a signal at once.
  KeepTermination();
  std::printf("cascade-server listening on %s\n", (*server)->address().c_str());
  std::fflush(stdout);
  WaitForTermination();
  (*server)->Drain(options.drain_timeout);
  const absl::Status failure = (*server)->failure();
  if (!failure.ok()) {
    std::fprintf(stderr, "cascade-server: %s\n",
                 std::string(failure.message()).c_str());
  }
  const int code = failure.ok() ? 0 : kDeviceFailed;
  // The destructor would wait for a lane that hangs, or for a package to load.
  if (!(*server)->is_down()) std::_Exit(code);
  return code;
}

}  // namespace

int RunServer(int argc, const char* const* argv,
              const MakeEnvironment& make_environment) {
  const std::variant<Options, EarlyExit> parsed = ParseOptions(argc, argv);
  if (const EarlyExit* exit = std::get_if<EarlyExit>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  return Serve(std::get<Options>(parsed), make_environment);
}

}  // namespace cascade
