#include "server/rpc/admin_server.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/base/status_macros.h"

namespace cascade {

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Create(
    const std::string& listen, CascadeLoader& loader, RpcObserver& observer,
    Logger& logger) {
  std::unique_ptr<AdminServer> server(
      new AdminServer(loader, observer, logger));
  grpc::ServerBuilder builder;
  builder.RegisterService(&server->service_);
  ASSIGN_OR_RETURN(server->port_, StartListening(listen, builder));
  return server;
}

AdminServer::AdminServer(CascadeLoader& loader, RpcObserver& observer,
                         Logger& logger)
    : service_(loader, observer, logger) {}

AdminServer::~AdminServer() { Shutdown(absl::Now()); }

bool AdminServer::Shutdown(absl::Time deadline) {
  if (port_.server == nullptr) return true;
  const bool ended = service_.End(deadline);
  // A call that was answered at the deadline has yet to leave: gRPC would cut
  // it off.
  constexpr absl::Duration kLeaving = absl::Seconds(1);
  port_.server->Shutdown(
      absl::ToChronoTime(std::max(deadline, absl::Now() + kLeaving)));
  port_.server->Wait();
  return ended;
}

}  // namespace cascade
