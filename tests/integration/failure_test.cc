// The whole Server over scripted cascades, with injected faults.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/server.h"
#include "tests/integration/connected_channel.h"
#include "tests/integration/scripted_server.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using HealthResponse = grpc::health::v1::HealthCheckResponse;
using ::testing::HasSubstr;

// What the health service tells of a name, from change to change.
class HealthWatch {
 public:
  HealthWatch(const std::string& address, const std::string& name)
      : stub_(grpc::health::v1::Health::NewStub(ConnectedChannel(address))) {
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(name);
    reader_ = stub_->Watch(&context_, request);
  }
  ~HealthWatch() { context_.TryCancel(); }

  // Blocks for the next change; the first one is what holds now.
  HealthResponse::ServingStatus Next() {
    HealthResponse response;
    return reader_->Read(&response) ? response.status()
                                    : HealthResponse::UNKNOWN;
  }

 private:
  const std::unique_ptr<grpc::health::v1::Health::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<HealthResponse>> reader_;
};

class FailureTest : public ::testing::Test {
 protected:
  FailureTest() {
    Options options;
    options.listen = "127.0.0.1:0";
    options.lanes = {{.device = "cpu", .count = 2}};
    options.cascades = {{.name = "digits", .package = "digits"}};
    options.max_images_per_request = 64;
    options.lane_stall_limit = absl::Milliseconds(40);
    options.log_level = LogLevel::kError;
    Server::Environment environment;
    environment.read_package = [this](const CascadeSource& source)
        -> absl::StatusOr<std::shared_ptr<const CascadeModel>> {
      EXPECT_EQ(source.slots, 64);
      return cascade_;
    };
    environment.memory_of = [](const std::string& /*device*/) {
      return DeviceMemory{.total = 1 << 30, .free = 1 << 30};
    };
    environment.on_failure = [this] { failed_.set_value(); };
    environment.clock = &clock_;
    environment.last_words = absl::Milliseconds(100);
    auto server = Server::Create(options, environment);
    if (!server.ok()) std::abort();
    server_ = *std::move(server);
  }
  ~FailureTest() override { script_.UnblockSteps(); }

  ImageClient Client() const {
    return ImageClient(ConnectedChannel(server_->address()));
  }

  const std::shared_ptr<const ScriptedCascade> cascade_ =
      std::make_shared<const ScriptedCascade>(
          "digits", std::vector<ScriptedStage>{{.resolution = 8}});
  Script& script_ = cascade_->script();
  FakeClock clock_;
  std::promise<void> failed_;
  std::unique_ptr<Server> server_;
};

TEST_F(FailureTest, AnExceptionFailsOneRequestAndTheServerGoesOn) {
  script_.ThrowInNextStep(0, "out of cheese");
  const Reply bad = Generate(Client(), DigitRequest());
  EXPECT_EQ(bad.status.code, grpc::StatusCode::INTERNAL);
  EXPECT_EQ(bad.status.reason, "STEP_FAILED");
  EXPECT_TRUE(Generate(Client(), DigitRequest()).status.ok());
  EXPECT_OK(server_->failure());
}

TEST_F(FailureTest, ALostDeviceFailsItsImagesAndDrainsTheOthers) {
  auto health = std::make_unique<HealthWatch>(server_->address(), "");
  EXPECT_EQ(health->Next(), HealthResponse::SERVING);
  script_.BlockSteps();
  Reply other;
  std::thread call([&] { other = Generate(Client(), DigitRequest(1)); });
  script_.AwaitBlockedSteps(1);  // On one lane; the other one loses its device.
  script_.FailNextStep(0, absl::UnavailableError("fell off the bus"));
  const Reply lost = Generate(Client(), DigitRequest(2));
  EXPECT_EQ(lost.status.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(lost.status.reason, "DEVICE_LOST");

  failed_.get_future().wait();
  EXPECT_THAT(std::string(server_->failure().message()),
              HasSubstr("fell off the bus"));
  std::thread drain([&] { server_->Drain(absl::InfiniteDuration()); });
  EXPECT_EQ(health->Next(), HealthResponse::NOT_SERVING);
  health.reset();  // The server would wait for it.
  script_.UnblockSteps();
  call.join();
  drain.join();
  EXPECT_TRUE(other.status.ok()) << other.status.message;
  EXPECT_FALSE(server_->hangs());
}

TEST_F(FailureTest, AHungLaneTurnsLivenessOffUntilItMovesAgain) {
  HealthWatch liveness(server_->address(), "liveness");
  EXPECT_EQ(liveness.Next(), HealthResponse::SERVING);
  script_.BlockSteps();
  Reply slow;
  std::thread call([&] { slow = Generate(Client(), DigitRequest()); });
  script_.AwaitBlockedSteps(1);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(liveness.Next(), HealthResponse::NOT_SERVING);
  EXPECT_TRUE(server_->hangs());
  EXPECT_THAT(std::string(server_->failure().message()),
              HasSubstr("a lane hangs"));
  // The others go on.
  HealthWatch health(server_->address(), "");
  EXPECT_EQ(health.Next(), HealthResponse::SERVING);

  script_.UnblockSteps();
  call.join();
  EXPECT_EQ(liveness.Next(), HealthResponse::SERVING);
  EXPECT_TRUE(slow.status.ok());
  EXPECT_OK(server_->failure());
  server_->Drain(absl::InfiniteDuration());
  EXPECT_TRUE(server_->is_down());
}

TEST_F(FailureTest, ADrainDoesNotWaitForALaneThatHangs) {
  script_.BlockSteps();
  Reply reply;
  std::thread call([&] { reply = Generate(Client(), DigitRequest()); });
  script_.AwaitBlockedSteps(1);
  server_->Drain(absl::ZeroDuration());
  call.join();
  EXPECT_EQ(reply.status.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(server_->is_down());
  EXPECT_TRUE(server_->hangs());
  EXPECT_THAT(std::string(server_->failure().message()),
              HasSubstr("a lane hangs"));
}

}  // namespace
}  // namespace cascade
