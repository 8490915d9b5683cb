#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cascade/v1/admin_service.grpc.pb.h"
#include "server/rpc/admin_server.h"
#include "tests/integration/connected_channel.h"
#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// A server with its admin service, and a client of that.
class HotOperationTest : public ::testing::Test {
 protected:
  HotOperationTest() {
    auto admin =
        AdminServer::Create("127.0.0.1:0", served_.engine().host(),
                            served_.metrics(), served_.engine().logger());
    if (!admin.ok()) std::abort();
    admin_server_ = *std::move(admin);
    admin_ =
        v1::AdminService::NewStub(ConnectedChannel(admin_server_->address()));
  }

  // A package of "digits", named by its version.
  std::shared_ptr<const ScriptedCascade> Package(char version) {
    auto model = std::make_shared<const ScriptedCascade>(
        "digits",
        std::vector<ScriptedStage>{
            {.resolution = 8}, {.resolution = 16}, {.resolution = 32}},
        version);
    served_.engine().PutPackage(std::string(1, version), model);
    return model;
  }
  CallStatus Load(const std::string& package, bool replace) {
    v1::LoadCascadeRequest request;
    request.set_name("digits");
    request.set_package(package);
    request.set_replace(replace);
    grpc::ClientContext context;
    v1::LoadCascadeResponse response;
    const auto status = admin_->LoadCascade(&context, request, &response);
    if (status.ok()) {
      EXPECT_EQ(response.version().package(), package);
      EXPECT_EQ(response.version().state(), v1::VERSION_STATE_SERVING);
    }
    return ReadCallStatus(status, context);
  }
  CallStatus Unload(const std::string& name) {
    v1::UnloadCascadeRequest request;
    request.set_name(name);
    grpc::ClientContext context;
    v1::UnloadCascadeResponse response;
    return ReadCallStatus(admin_->UnloadCascade(&context, request, &response),
                          context);
  }
  std::vector<std::string> Packages() {
    grpc::ClientContext context;
    v1::ListVersionsResponse response;
    EXPECT_TRUE(admin_->ListVersions(&context, {}, &response).ok());
    std::vector<std::string> packages;
    for (const auto& version : response.versions()) {
      packages.push_back(version.name() + " " + version.package());
    }
    return packages;
  }
  auto Health(const std::string& name) {
    grpc::health::v1::HealthCheckResponse response;
    served_.Client().CheckHealth(name, {}, response);
    return response.status();
  }

  ScriptedServer served_;
  std::unique_ptr<AdminServer> admin_server_;
  std::unique_ptr<v1::AdminService::Stub> admin_;
};

// The digest that the request ran on, as `finished` tells it.
std::string DigestOf(const Reply& reply) {
  const auto finished = reply.Events(&v1::GenerateImageResponse::has_finished);
  return finished.empty() ? ""
                          : finished[0].finished().record().cascade_digest();
}

TEST_F(HotOperationTest, NoRequestFailsWhileACascadeIsReplacedUnderLoad) {
  constexpr int kClients = 4;
  std::vector<std::vector<Reply>> replies(kClients);
  std::atomic<bool> stop = false;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&, i] {
      for (uint64_t seed = 0; !stop; ++seed) {
        replies[static_cast<size_t>(i)].push_back(
            Generate(served_.Client(), DigitRequest(seed)));
      }
    });
  }
  // So that each version is used.
  served_.script().AwaitSteps(1);
  std::vector<std::shared_ptr<const ScriptedCascade>> models;
  for (const char version : {'b', 'c', 'd', 'e'}) {
    models.push_back(Package(version));
    EXPECT_TRUE(Load(std::string(1, version), /*replace=*/true).ok());
    models.back()->script().AwaitSteps(1);
  }
  stop = true;
  for (std::thread& client : clients) client.join();

  std::set<char> versions;
  for (const std::vector<Reply>& of_client : replies) {
    for (const Reply& reply : of_client) {
      EXPECT_TRUE(reply.status.ok()) << reply.status.message;
      EXPECT_THAT(reply.problems, IsEmpty());
      ASSERT_THAT(DigestOf(reply), SizeIs(64));
      versions.insert(DigestOf(reply)[0]);
    }
  }
  EXPECT_THAT(versions, UnorderedElementsAre('a', 'b', 'c', 'd', 'e'));
  EXPECT_THAT(Packages(), ElementsAre("digits e"));
  EXPECT_EQ(served_.script().num_executors(), 0);
  for (size_t i = 0; i + 1 < models.size(); ++i) {
    EXPECT_EQ(models[i]->script().num_executors(), 0);
  }
}

TEST_F(HotOperationTest, ARunningRequestEndsOnTheVersionThatItBeganOn) {
  Package('b');
  served_.script().BlockSteps();
  Reply running;
  std::thread client(
      [&] { running = Generate(served_.Client(), DigitRequest()); });
  served_.script().AwaitBlockedSteps(1);
  std::thread replacing([&] { EXPECT_TRUE(Load("b", true).ok()); });
  served_.script().UnblockSteps();
  replacing.join();
  client.join();
  EXPECT_TRUE(running.status.ok()) << running.status.message;
  EXPECT_EQ(DigestOf(running)[0], 'a');
  EXPECT_EQ(DigestOf(Generate(served_.Client(), DigitRequest()))[0], 'b');
}

TEST_F(HotOperationTest, AnUnloadedCascadeIsNotFoundAndNotServing) {
  EXPECT_TRUE(Unload("digits").ok());
  const Reply reply = Generate(served_.Client(), DigitRequest());
  EXPECT_EQ(reply.status.reason, "CASCADE_NOT_FOUND");
  EXPECT_EQ(Health("cascades/digits"),
            grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Unload("digits").code, grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(Packages(), IsEmpty());

  Package('b');
  EXPECT_TRUE(Load("b", /*replace=*/false).ok());
  EXPECT_EQ(Health("cascades/digits"),
            grpc::health::v1::HealthCheckResponse::SERVING);
  EXPECT_TRUE(Generate(served_.Client(), DigitRequest()).status.ok());
}

TEST_F(HotOperationTest, ACascadeThatIsLoadedWhileTheServerDrainsIsNotServing) {
  EXPECT_TRUE(Unload("digits").ok());
  served_.server().SetServing(false);
  Package('b');
  EXPECT_TRUE(Load("b", /*replace=*/false).ok());
  EXPECT_EQ(Health("cascades/digits"),
            grpc::health::v1::HealthCheckResponse::NOT_SERVING);
}

TEST_F(HotOperationTest, WhatCannotBeLoadedLeavesTheOldVersionServing) {
  const CallStatus missing = Load("nowhere", /*replace=*/true);
  EXPECT_EQ(missing.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(missing.message, HasSubstr("nowhere"));
  Package('b');
  EXPECT_EQ(Load("b", /*replace=*/false).reason, "CASCADE_EXISTS");
  EXPECT_TRUE(Generate(served_.Client(), DigitRequest()).status.ok());
  EXPECT_THAT(Packages(), ElementsAre("digits digits"));
}

TEST_F(HotOperationTest, EveryWrongFieldIsNamed) {
  v1::LoadCascadeRequest request;
  request.set_name("a/b");
  request.set_drain_first(true);
  grpc::ClientContext context;
  v1::LoadCascadeResponse response;
  const CallStatus status = ReadCallStatus(
      admin_->LoadCascade(&context, request, &response), context);
  EXPECT_EQ(status.code, grpc::StatusCode::INVALID_ARGUMENT);
  std::vector<std::string> fields;
  for (const RefusedField& field : status.fields) fields.push_back(field.field);
  EXPECT_THAT(fields, ElementsAre("name", "package", "drain_first"));
  EXPECT_EQ(Unload("").code, grpc::StatusCode::INVALID_ARGUMENT);
}

// A loader whose operations last until they are told to end.
class SlowLoader : public CascadeLoader {
 public:
  absl::StatusOr<LoadedVersion> Load(const LoadOrder& /*order*/) override {
    return absl::UnimplementedError("loads nothing");
  }
  absl::Status Unload(const std::string& /*name*/) override {
    MutexLock lock(mutex_);
    ++unloads_;
    changed_.SignalAll();
    while (!may_end_) changed_.Wait(mutex_);
    return absl::OkStatus();
  }
  std::vector<LoadedVersion> ListVersions() const override { return {}; }

  void AwaitUnload() {
    MutexLock lock(mutex_);
    while (unloads_ == 0) changed_.Wait(mutex_);
  }
  void End() {
    MutexLock lock(mutex_);
    may_end_ = true;
    changed_.SignalAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int unloads_ ABSL_GUARDED_BY(mutex_) = 0;
  bool may_end_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST_F(HotOperationTest, OneOperationRunsAtATime) {
  SlowLoader loader;
  auto server = AdminServer::Create("127.0.0.1:0", loader, served_.metrics(),
                                    served_.engine().logger());
  ASSERT_TRUE(server.ok());
  admin_ = v1::AdminService::NewStub(ConnectedChannel((*server)->address()));
  std::thread first([&] { EXPECT_TRUE(Unload("a").ok()); });
  loader.AwaitUnload();
  const CallStatus second = Unload("b");
  EXPECT_EQ(second.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(second.reason, "OPERATION_RUNNING");
  EXPECT_THAT(Packages(), IsEmpty());  // Listing goes on.
  loader.End();
  first.join();
  EXPECT_TRUE(Unload("b").ok());
}

TEST_F(HotOperationTest, AShutdownAnswersTheCallOfAnOperationThatGoesOn) {
  SlowLoader loader;
  auto server = AdminServer::Create("127.0.0.1:0", loader, served_.metrics(),
                                    served_.engine().logger());
  ASSERT_TRUE(server.ok());
  admin_ = v1::AdminService::NewStub(ConnectedChannel((*server)->address()));
  CallStatus status;
  std::thread call([&] { status = Unload("a"); });
  loader.AwaitUnload();
  EXPECT_FALSE((*server)->Shutdown(absl::Now()));
  call.join();
  EXPECT_EQ(status.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.reason, "DRAINING");
  loader.End();
  EXPECT_TRUE((*server)->Shutdown(absl::InfiniteFuture()));
}

}  // namespace
}  // namespace cascade
