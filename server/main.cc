// cascade-server: flags to a Server, and signals to its drain.

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <variant>

#include "server/options.h"
#include "server/server.h"
#include "server/termination.h"

namespace cascade {
namespace {

int Serve(const Options& options) {
  // Also a client that hangs up may not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  EndOnTermination();
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Create(options);
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
  return 0;
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
