#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/connected_channel.h"
#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

TEST(LimitsTest, AMessageThatIsTooLongIsRefusedWithBothSizes) {
  ScriptedServer::Options options;
  options.grpc.max_receive_message_bytes = 2000;
  ScriptedServer served(options);
  v1::GenerateImageRequest request = DigitRequest();
  EXPECT_TRUE(Generate(served.Client(), request).status.ok());
  request.set_class_name(std::string(3000, 'x'));
  const CallStatus status = Generate(served.Client(), request).status;
  EXPECT_EQ(status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.message, HasSubstr("vs. 2000"));
}

TEST(LimitsTest, CallsBeyondTheStreamsOfAConnectionWaitForTheirTurn) {
  ScriptedServer::Options options;
  options.grpc.max_concurrent_streams = 2;
  ScriptedServer served(options);
  served.script().BlockSteps();
  const auto connection = ConnectedChannel(served.address());
  std::vector<Reply> replies(4);
  std::vector<std::thread> calls;
  for (size_t i = 0; i < 3; ++i) {
    calls.emplace_back([&, i] {
      replies[i] = Generate(ImageClient(connection), DigitRequest(i));
    });
  }
  served.generator().AwaitSubmits(2);
  // Another connection has streams of its own.
  calls.emplace_back(
      [&] { replies[3] = Generate(served.Client(), DigitRequest(3)); });
  served.generator().AwaitSubmits(3);
  EXPECT_EQ(served.generator().submits(), 3);
  served.script().UnblockSteps();
  for (std::thread& call : calls) call.join();
  for (const Reply& reply : replies) EXPECT_TRUE(reply.status.ok());
  EXPECT_EQ(served.generator().submits(), 4);
}

TEST(LimitsTest, TooManyImagesAreRefusedByField) {
  ScriptedServer::Options options;
  options.grpc.images.limits.max_image_count = 4;
  ScriptedServer served(options);
  v1::GenerateImageRequest request = DigitRequest();
  request.set_image_count(4);
  EXPECT_TRUE(Generate(served.Client(), request).status.ok());
  request.set_image_count(5);
  const CallStatus status = Generate(served.Client(), request).status;
  EXPECT_EQ(status.code, grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_EQ(status.fields.size(), 1u);
  EXPECT_EQ(status.fields[0].field, "image_count");
  EXPECT_THAT(status.fields[0].description, HasSubstr("5 is not in 1..4"));
}

// HTTP/2 by hand: gRPC's own clients ping once a second at most.
class PingingClient {
 public:
  // Connects to a port of this host.
  explicit PingingClient(int port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_open_ = connect(socket_, reinterpret_cast<sockaddr*>(&address),
                       sizeof(address)) == 0;
    Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    Send(std::string("\0\0\0\4\0\0\0\0\0", 9));  // SETTINGS, of nothing.
  }
  ~PingingClient() { close(socket_); }

  // Whether a ping is answered; not when the server ends the connection.
  bool Ping() {
    constexpr char kPing = 6;
    constexpr char kGoAway = 7;
    Send(std::string("\0\0\x8\6\0\0\0\0\0", 9) + "pingpong");
    while (is_open_) {
      const std::string header = Receive(9);
      if (header.size() < 9 || header[3] == kGoAway) return false;
      Receive(static_cast<uint8_t>(header[1]) * size_t{256} +
              static_cast<uint8_t>(header[2]));
      if (header[3] == kPing && header[4] == 1) return true;  // Its ACK.
    }
    return false;
  }

 private:
  void Send(const std::string& bytes) {
    is_open_ = is_open_ && send(socket_, bytes.data(), bytes.size(),
                                MSG_NOSIGNAL) == std::ssize(bytes);
  }
  // Shorter when the connection ends.
  std::string Receive(size_t count) {
    std::string bytes(count, '\0');
    const ssize_t received = recv(socket_, bytes.data(), count, MSG_WAITALL);
    bytes.resize(static_cast<size_t>(std::max<ssize_t>(received, 0)));
    return bytes;
  }

  const int socket_ = socket(AF_INET, SOCK_STREAM, 0);
  bool is_open_ = false;
};

// How many of ten pings without a call a server answers.
int AnsweredPings(absl::Duration min_interval) {
  ScriptedServer::Options options;
  options.grpc.min_client_ping_interval = min_interval;
  ScriptedServer served(options);
  const size_t colon = served.address().rfind(':');
  PingingClient client(std::stoi(served.address().substr(colon + 1)));
  int answered = 0;
  while (answered < 10 && client.Ping()) ++answered;
  return answered;
}

TEST(LimitsTest, AClientWithoutCallsMayPingAtTheAllowedInterval) {
  EXPECT_EQ(AnsweredPings(absl::ZeroDuration()), 10);
  EXPECT_LT(AnsweredPings(absl::Hours(1)), 10);
}

TEST(LimitsTest, ATenantHasOnlySoManyImages) {
  ScriptedServer::Options options;
  options.scheduler.tenants.named["acme"].max_images = 2;
  ScriptedServer served(options);
  served.script().BlockSteps();
  v1::GenerateImageRequest request = DigitRequest();
  request.set_image_count(2);
  ImageClient::CallOptions acme;
  acme.tenant = "acme";
  Reply first;
  std::thread call([&] { first = Generate(served.Client(), request, acme); });
  served.generator().AwaitSubmits(1);

  const CallStatus status =
      Generate(served.Client(), DigitRequest(), acme).status;
  EXPECT_EQ(status.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.reason, "TENANT_LIMIT");
  served.script().UnblockSteps();
  EXPECT_TRUE(Generate(served.Client(), DigitRequest()).status.ok());
  call.join();
  EXPECT_TRUE(first.status.ok()) << first.status.message;
  // Its place is free again.
  EXPECT_TRUE(Generate(served.Client(), request, acme).status.ok());
}

}  // namespace
}  // namespace cascade
