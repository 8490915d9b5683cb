#include "server/rpc/admin_server.h"

#include <utility>

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
  port_.server->Shutdown(absl::ToChronoTime(deadline));
  port_.server->Wait();
  return ended;
}

}  // namespace cascade
