#include "client/call_flags.h"

#include "client/request_flags.h"
#include "client/server_flag.h"
#include "server/base/status_macros.h"

namespace cascade {

void CallFlags::AddTo(CLI::App& command) {
  AddServerFlag(command, server);
  command.add_option("--deadline", deadline,
                     "Give up after this long: 30s, 500ms");
  command.add_option("--tenant", tenant,
                     "On whose account: tenants share the server fairly");
  command.add_option("--request-id", request_id,
                     "Names the call in the server's log");
  command
      .add_option("--restarts", restarts,
                  "How often to ask again when the server dies on the way; the "
                  "images are the same")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
}

absl::StatusOr<ImageClient::CallOptions> CallFlags::ToOptions() const {
  ImageClient::CallOptions options;
  options.request_id = request_id;
  options.tenant = tenant;
  options.max_restarts = restarts;
  if (!deadline.empty()) {
    ASSIGN_OR_RETURN(const absl::Duration duration,
                     ParseDurationFlag("--deadline", deadline));
    options.deadline = absl::Now() + duration;
  }
  return options;
}

}  // namespace cascade
