#include "client/load_session.h"

#include <gmock/gmock.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client/closed_loop.h"
#include "client/image_client.h"
#include "client/open_loop.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/integration/connected_channel.h"

namespace cascade {
namespace {

// Admits a call, holds it until enough of them have come, and sends one image.
class HoldingService final : public v1::ImageGenerationService::Service {
 public:
  // Calls are let go in groups of `size`.
  explicit HoldingService(int size) : group_size_(size) {}

  grpc::Status GenerateImage(
      grpc::ServerContext* context, const v1::GenerateImageRequest* request,
      grpc::ServerWriter<v1::GenerateImageResponse>* writer) override {
    Write(*writer, [](auto& event) { event.mutable_queued(); });
    Hold(*context);
    Write(*writer, [](auto& event) { event.mutable_preview(); });
    Write(*writer, [&](auto& event) {
      event.mutable_stage_image()->set_stage(0);
      event.mutable_stage_image()->set_image_seed(request->seed());
    });
    Write(*writer, [](auto& event) { event.mutable_finished(); });
    return grpc::Status::OK;
  }

  // Lets every call go, now and later.
  void Release() {
    absl::MutexLock lock(&mutex_);
    released_ = true;
  }
  int most_at_once() {
    absl::MutexLock lock(&mutex_);
    return most_at_once_;
  }
  std::string tenant() {
    absl::MutexLock lock(&mutex_);
    return tenant_;
  }

 private:
  template <typename Fill>
  static void Write(grpc::ServerWriter<v1::GenerateImageResponse>& writer,
                    Fill fill) {
    v1::GenerateImageResponse event;
    fill(event);
    writer.Write(event);
  }

  void Hold(grpc::ServerContext& context) {
    absl::MutexLock lock(&mutex_);
    for (const auto& [key, value] : context.client_metadata()) {
      if (key == "x-cascade-tenant") tenant_.assign(value.data(), value.size());
    }
    most_at_once_ = std::max(most_at_once_, ++calls_ - gone_);
    const int group = (calls_ - 1) / group_size_;
    const auto is_free = [&] {
      return released_ || calls_ >= (group + 1) * group_size_;
    };
    mutex_.Await(absl::Condition(&is_free));
    ++gone_;
  }

  const int group_size_;
  absl::Mutex mutex_;
  int calls_ = 0;
  int gone_ = 0;
  int most_at_once_ = 0;
  bool released_ = false;
  std::string tenant_;
};

// Refuses as a full server does.
class RefusingService final : public v1::ImageGenerationService::Service {
 public:
  grpc::Status GenerateImage(
      grpc::ServerContext*, const v1::GenerateImageRequest*,
      grpc::ServerWriter<v1::GenerateImageResponse>*) override {
    google::rpc::ErrorInfo reason;
    reason.set_reason("QUEUE_FULL");
    google::rpc::Status details;
    details.add_details()->PackFrom(reason);
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "full",
            details.SerializeAsString()};
  }
};

// A service on a loopback port.
class LoopbackServer {
 public:
  explicit LoopbackServer(grpc::Service& service) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(&service);
    server_ = builder.BuildAndStart();
  }
  LoadSession::Channels Channels() const {
    return {ConnectedChannel(absl::StrCat("127.0.0.1:", port_))};
  }

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

LoadPlan Plan(const LoadPlan::Options& options = {}) {
  LoadEntry entry;
  entry.requests.resize(1);
  entry.tenant = "somebody";
  return LoadPlan({entry}, options);
}

int CountOf(const std::vector<LoadReply>& replies, LoadOutcome outcome) {
  return static_cast<int>(std::count_if(
      replies.begin(), replies.end(),
      [&](const LoadReply& reply) { return reply.outcome == outcome; }));
}

TEST(LoadSessionTest, AClosedLoopKeepsEachClientAtOneRequest) {
  HoldingService service(/*size=*/3);
  LoopbackServer server(service);
  LoadSession session(Plan(), server.Channels(), absl::Seconds(1));
  RunClosedLoop(session, /*clients=*/3, /*first_index=*/0, /*count=*/12,
                absl::InfiniteDuration());
  const auto replies = session.TakeReplies();
  EXPECT_EQ(CountOf(replies, LoadOutcome::kOk), 12);
  EXPECT_EQ(service.most_at_once(), 3);
  EXPECT_EQ(service.tenant(), "somebody");
  EXPECT_EQ(session.outstanding(), 0);
  EXPECT_EQ(replies[0].images, 1);
  EXPECT_TRUE(replies[0].first_preview.has_value());
  ASSERT_EQ(replies[0].stage_images.size(), 1u);
  EXPECT_LE(*replies[0].stage_images[0], replies[0].latency);
  EXPECT_TRUE(session.TakeReplies().empty());
}

TEST(LoadSessionTest, AnOpenLoopDoesNotWaitForReplies) {
  HoldingService service(
      /*size=*/8);  // None is answered before the last comes.
  LoopbackServer server(service);
  LoadSession session(Plan(), server.Channels(), absl::Seconds(1));
  OpenLoop loop;
  loop.rate = 1000;
  loop.Run(session, 0, /*count=*/8, absl::InfiniteDuration());
  session.WaitUntilIdle();
  EXPECT_EQ(CountOf(session.TakeReplies(), LoadOutcome::kOk), 8);
}

TEST(LoadSessionTest, WhatExceedsTheBoundIsNotSent) {
  HoldingService service(/*size=*/100);
  LoopbackServer server(service);
  LoadSession session(Plan(), server.Channels(), absl::Seconds(1));
  for (int i = 0; i < 4; ++i) {
    session.Send(session.plan().Request(i), absl::Now(), 0);
  }
  OpenLoop loop;
  loop.rate = 1000;
  loop.max_outstanding = 5;
  loop.Run(session, 4, /*count=*/10, absl::InfiniteDuration());
  service.Release();
  session.WaitUntilIdle();
  const auto replies = session.TakeReplies();
  EXPECT_EQ(CountOf(replies, LoadOutcome::kOk), 5);
  EXPECT_EQ(CountOf(replies, LoadOutcome::kNotSent), 9);
}

TEST(LoadSessionTest, NoRequestBeginsAfterTheDuration) {
  HoldingService service(/*size=*/1);
  LoopbackServer server(service);
  LoadSession session(Plan(), server.Channels(), absl::Seconds(1));
  RunClosedLoop(session, 3, 0, /*count=*/0, absl::ZeroDuration());
  EXPECT_TRUE(session.TakeReplies().empty());
  OpenLoop loop;
  loop.arrivals = ArrivalKind::kConstant;
  loop.rate = 1000;
  loop.Run(session, 0, /*count=*/0, absl::Microseconds(5500));  // 0 to 5 ms.
  session.WaitUntilIdle();
  EXPECT_EQ(CountOf(session.TakeReplies(), LoadOutcome::kOk), 6);
}

TEST(LoadSessionTest, LatencyCountsFromWhenTheRequestWasDue) {
  HoldingService service(/*size=*/1);
  LoopbackServer server(service);
  LoadSession session(Plan(), server.Channels(), absl::Seconds(1));
  session.Send(session.plan().Request(0), absl::Now() - absl::Seconds(10), 0);
  session.WaitUntilIdle();
  const auto replies = session.TakeReplies();
  EXPECT_GE(replies[0].latency, 10);
  EXPECT_GE(*replies[0].first_preview, 10);
  EXPECT_GE(*replies[0].stage_images[0], 10);
}

TEST(LoadSessionTest, ACancelledRequestEndsAsThePlanWantedIt) {
  HoldingService service(/*size=*/100);
  LoopbackServer server(service);
  LoadPlan::Options options;
  options.cancelled_share = 1;
  LoadSession session(Plan(options), server.Channels(), absl::Seconds(1));
  session.Send(session.plan().Request(0), absl::Now(), 0);
  session.WaitUntilIdle();  // The service still holds it.
  service.Release();
  EXPECT_EQ(CountOf(session.TakeReplies(), LoadOutcome::kCancelled), 1);
}

TEST(LoadSessionTest, ASlowReaderWaitsBeforeEachEvent) {
  HoldingService service(/*size=*/1);
  LoopbackServer server(service);
  LoadPlan::Options options;
  options.slow_reader_share = 1;
  LoadSession session(Plan(options), server.Channels(), absl::Milliseconds(5));
  session.Send(session.plan().Request(0), absl::Now(), 0);
  session.WaitUntilIdle();
  const auto replies = session.TakeReplies();
  EXPECT_EQ(replies[0].outcome, LoadOutcome::kOk);
  EXPECT_TRUE(replies[0].reads_slowly);
  EXPECT_GE(replies[0].latency, 5 * 0.005);  // Four events and the end.
}

TEST(LoadSessionTest, ARefusalKeepsItsReason) {
  RefusingService service;
  LoopbackServer server(service);
  LoadSession session(Plan(), server.Channels(), absl::Seconds(1));
  RunClosedLoop(session, 2, 0, /*count=*/4, absl::InfiniteDuration());
  const auto replies = session.TakeReplies();
  EXPECT_EQ(CountOf(replies, LoadOutcome::kRefused), 4);
  EXPECT_EQ(replies[0].status.reason, "QUEUE_FULL");
}

}  // namespace
}  // namespace cascade
