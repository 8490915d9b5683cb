#include "tests/integration/connected_channel.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/image_client.h"

namespace cascade {

std::shared_ptr<grpc::Channel> ConnectedChannel(
    std::shared_ptr<grpc::Channel> channel) {
  EXPECT_TRUE(channel->WaitForConnected(
      absl::ToChronoTime(absl::Now() + absl::Seconds(30))));
  return channel;
}

std::shared_ptr<grpc::Channel> ConnectedChannel(const std::string& address) {
  ChannelOptions options;
  options.own_connection = true;
  return ConnectedChannel(MakeChannel(address, options));
}

}  // namespace cascade
