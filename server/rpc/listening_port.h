#pragma once

#include <grpcpp/server_builder.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cascade {

// A gRPC server that serves, and where: HOST:PORT, with the port that it took.
struct ListeningPort {
  std::unique_ptr<grpc::Server> server;
  std::string address;
};

// Builds and starts a server on HOST:PORT, which no other process shares; port
// 0 takes a free one. INVALID_ARGUMENT for what is no such address, UNAVAILABLE
// when it cannot be had.
absl::StatusOr<ListeningPort> StartListening(const std::string& listen,
                                             grpc::ServerBuilder& builder);

}  // namespace cascade
