// cascade-server: options to a Server, and signals to its drain.
//
// Exit codes: 0 drained; 1 could not start; 2 wrong options; 3 a device is lost
// or hangs: start anew.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <variant>

#include "server/options.h"
#include "server/server.h"
#include "server/termination.h"

namespace cascade {
namespace {

constexpr int kDeviceFailed = 3;

int Serve(const Options& options) {
  // Also a client that hangs up may not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  EndOnTermination();
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Create(
      options, Server::RealEnvironment(options, RequestTermination));
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

int Main(int argc, const char* const* argv) {
  const std::variant<Options, EarlyExit> parsed = ParseOptions(argc, argv);
  if (const EarlyExit* exit = std::get_if<EarlyExit>(&parsed)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  return Serve(std::get<Options>(parsed));
}

}  // namespace
}  // namespace cascade

int main(int argc, char** argv) { return cascade::Main(argc, argv); }
