#include "server/rpc/listening_port.h"

#include <grpcpp/security/server_credentials.h>

#include "absl/strings/str_cat.h"

namespace cascade {

absl::StatusOr<ListeningPort> StartListening(const std::string& listen,
                                             grpc::ServerBuilder& builder) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", listen, "' is not HOST:PORT"));
  }
  // Two servers must not share a port by accident.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot listen on ", listen, ": the address is wrong or not free"));
  }
  return ListeningPort{
      .server = std::move(server),
      .address = absl::StrCat(listen.substr(0, colon), ":", port)};
}

}  // namespace cascade
