#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "server/base/thread_pool.h"
#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using HealthResponse = grpc::health::v1::HealthCheckResponse;

constexpr const char* kNames[] = {"", "cascade.v1.ImageGenerationService",
                                  "cascade.v1.CascadeService",
                                  "cascades/digits"};

HealthResponse::ServingStatus Check(ImageClient client,
                                    const std::string& name) {
  HealthResponse response;
  const CallStatus status = client.CheckHealth(name, {}, response);
  EXPECT_TRUE(status.ok()) << name << ": " << status.message;
  return response.status();
}

TEST(HealthTest, IsToldForTheServerEachServiceAndEachCascade) {
  ScriptedServer served;
  for (const char* name : kNames) {
    EXPECT_EQ(Check(served.Client(), name), HealthResponse::SERVING) << name;
  }
  served.server().SetServing(false);
  for (const char* name : kNames) {
    EXPECT_EQ(Check(served.Client(), name), HealthResponse::NOT_SERVING)
        << name;
  }
}

TEST(HealthTest, AnUnknownNameIsNotFound) {
  ScriptedServer served;
  HealthResponse response;
  EXPECT_EQ(served.Client().CheckHealth("cascades/letters", {}, response).code,
            grpc::StatusCode::NOT_FOUND);
}

TEST(HealthTest, HasNamesOfItsOwnForOtherParts) {
  ScriptedServer served;
  served.server().SetHealth("liveness", true);
  EXPECT_EQ(Check(served.Client(), "liveness"), HealthResponse::SERVING);
}

TEST(HealthTest, ReflectionCanDescribeTheHealthService) {
  EXPECT_NE(
      google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
          "grpc.health.v1.Health"),
      nullptr);
}

TEST(HealthTest, AnAddressInUseIsRefused) {
  ScriptedServer served;
  GrpcServer::Options options;
  options.listen = served.address();
  Metrics metrics("test");
  Logger logger({.level = LogLevel::kError}, RealClock());
  ThreadPool decoding(/*num_threads=*/1);
  const auto second = GrpcServer::Create(options, served.generator(), decoding,
                                         metrics, logger);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  options.listen = "nonsense";
  EXPECT_EQ(
      GrpcServer::Create(options, served.generator(), decoding, metrics, logger)
          .status()
          .code(),
      absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cascade
