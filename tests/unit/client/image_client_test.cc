#include "client/image_client.h"

#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>

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

}  // namespace
}  // namespace cascade
