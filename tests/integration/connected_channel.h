#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

namespace cascade {

// The channel, once it is connected. gRPC 1.51 now and then takes a connection
// that is under way for one that failed (grpc/grpc, pull request 35064), and
// then fails calls that do not wait for the next one.
std::shared_ptr<grpc::Channel> ConnectedChannel(
    std::shared_ptr<grpc::Channel> channel);
// To `address`, on a connection of its own.
std::shared_ptr<grpc::Channel> ConnectedChannel(const std::string& address);

}  // namespace cascade
