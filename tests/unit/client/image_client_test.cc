#include "client/image_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

namespace cascade {
namespace {

// Cannot take a call before the second time.
class ReluctantService : public v1::ImageGenerationService::Service {
 public:
  grpc::Status UpscaleImage(
      grpc::ServerContext*, const v1::UpscaleImageRequest* request,
      grpc::ServerWriter<v1::UpscaleImageResponse>*) override {
    last_size = request->image().data().size();
    return ++num_calls == 1
               ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "later")
               : grpc::Status::OK;
  }

  std::atomic<int> num_calls = 0;
  std::atomic<size_t> last_size = 0;
};

// A port of this machine, without gRPC.
class BarePort {
 public:
  BarePort() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_, any, size), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    EXPECT_EQ(getsockname(socket_, any, &size), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~BarePort() { close(socket_); }

  const std::string& address() const { return address_; }
  // The next connection; negative after Shutdown().
  int Accept() const { return accept(socket_, nullptr, nullptr); }
  void Shutdown() const { shutdown(socket_, SHUT_RDWR); }

 private:
  const int socket_;
  std::string address_;
};

// So it looks when a pod has gone and the next one takes its place.
TEST(ImageClientTest, ACallOutlivesAFailedConnection) {
  ReluctantService service;
  service.num_calls = 1;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  const BarePort port;
  std::thread acceptor([&] {
    close(port.Accept());
    const int connection = port.Accept();
    if (connection < 0) return;
    fcntl(connection, F_SETFL, O_NONBLOCK);
    grpc::AddInsecureChannelFromFd(server.get(), connection);
  });
  ImageClient client(MakeChannel(port.address()));
  const CallStatus status =
      client.Upscale({}, {}, [](const v1::GenerateImageResponse&) {});
  port.Shutdown();
  acceptor.join();
  EXPECT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(service.num_calls, 2);
}

TEST(ImageClientTest, LargeUploadsAreRepeatedToo) {
  ReluctantService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  v1::UpscaleImageRequest request;
  constexpr size_t kSize = 3 << 20;
  request.mutable_image()->set_data(std::string(kSize, 'x'));
  ImageClient client(MakeChannel("127.0.0.1:" + std::to_string(port)));
  const CallStatus status =
      client.Upscale(request, {}, [](const v1::GenerateImageResponse&) {});
  EXPECT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(service.num_calls, 2);
  EXPECT_EQ(service.last_size, kSize);
}

class CountingService : public v1::ImageGenerationService::Service {
 public:
  grpc::Status UpscaleImage(
      grpc::ServerContext*, const v1::UpscaleImageRequest*,
      grpc::ServerWriter<v1::UpscaleImageResponse>*) override {
    ++num_calls;
    return grpc::Status::OK;
  }

  std::atomic<int> num_calls = 0;
};

// Whether gRPC repeats calls or not: a load does without, and is to reach all
// servers, too.
TEST(ImageClientTest, CallsGoToAllAddressesOfAServer) {
  for (const bool repeats_calls : {true, false}) {
    SCOPED_TRACE(repeats_calls);
    CountingService services[2];
    std::unique_ptr<grpc::Server> servers[2];
    std::string addresses = "ipv4:";
    for (int i = 0; i < 2; ++i) {
      int port = 0;
      servers[i] =
          grpc::ServerBuilder()
              .AddListeningPort("127.0.0.1:0",
                                grpc::InsecureServerCredentials(), &port)
              .RegisterService(&services[i])
              .BuildAndStart();
      addresses +=
          (i > 0 ? ",127.0.0.1:" : "127.0.0.1:") + std::to_string(port);
    }
    ChannelOptions options;
    options.repeats_calls = repeats_calls;
    ImageClient client(MakeChannel(addresses, options));
    // The first calls may find one connection only.
    constexpr int kMost = 10'000;
    int calls = 0;
    while (calls < kMost &&
           (services[0].num_calls == 0 || services[1].num_calls == 0)) {
      ++calls;
      client.Upscale({}, {}, [](const v1::GenerateImageResponse&) {});
    }
    EXPECT_LT(calls, kMost)
        << services[0].num_calls << " and " << services[1].num_calls;
  }
}

}  // namespace
}  // namespace cascade
