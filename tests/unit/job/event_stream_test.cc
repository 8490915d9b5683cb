#include "server/job/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/host_stage_output.h"
#include "server/base/thread_pool.h"
#include "tests/support/plain_encoder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stream_reader.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;

// Keeps tasks until a test runs them.
class ManualExecutor : public Executor {
 public:
  void Post(absl::AnyInvocable<void()> task) override {
    tasks_.push_back(std::move(task));
  }
  void RunAll() {
    while (!tasks_.empty()) {
      auto tasks = std::exchange(tasks_, {});
      for (auto& task : tasks) task();
    }
  }
  size_t size() const { return tasks_.size(); }

 private:
  std::vector<absl::AnyInvocable<void()>> tasks_;
};

PictureEvent<HostImage> Picture(int image, int stage, int steps_done,
                                bool is_preview) {
  PictureEvent<HostImage> event;
  event.image_index = image;
  event.stage_index = stage;
  event.steps_done = steps_done;
  event.is_preview = is_preview;
  event.picture = {
      .height = 1, .width = 1, .channels = 1, .pixels = {uint8_t{7}}};
  return event;
}

// "preview 0/1@3": image 0, stage 1, 3 steps done.
std::string Describe(const EncodedJobEvent& event) {
  if (std::holds_alternative<QueuedEvent>(event)) return "queued";
  if (std::holds_alternative<StageStartedEvent>(event)) return "started";
  if (std::holds_alternative<FinishedEvent>(event)) return "finished";
  const auto& picture = std::get<PictureEvent<EncodedImage>>(event);
  return std::string(picture.is_preview ? "preview " : "image ") +
         std::to_string(picture.image_index) + "/" +
         std::to_string(picture.stage_index) + "@" +
         std::to_string(picture.steps_done);
}

class EventStreamTest : public ::testing::Test {
 protected:
  // What a reader gets that reads to the end.
  std::vector<std::string> Read() {
    std::vector<EncodedJobEvent> events;
    end_ = StreamReader(stream_).ReadAll(&events);
    std::vector<std::string> names;
    for (const EncodedJobEvent& event : events) {
      names.push_back(Describe(event));
    }
    return names;
  }

  PlainEncoder encoder_;
  ThreadPool pool_{1};
  std::shared_ptr<EventStream> stream_ =
      std::make_shared<EventStream>(OutputOptions{}, encoder_, pool_);
  absl::Status end_;
};

TEST_F(EventStreamTest, GivesEventsInOrderAndThenTheEnd) {
  stream_->Push(QueuedEvent{});
  stream_->Push(StageStartedEvent{});
  stream_->Push(Picture(0, 0, 4, false));
  stream_->Push(FinishedEvent{});
  stream_->Close(absl::OkStatus());
  EXPECT_THAT(Read(),
              ElementsAre("queued", "started", "image 0/0@4", "finished"));
  EXPECT_OK(end_);
}

TEST_F(EventStreamTest, APreviewReplacesTheWaitingOneOfItsImageAndStage) {
  stream_->Push(Picture(0, 0, 1, true));
  stream_->Push(Picture(1, 0, 1, true));
  stream_->Push(Picture(0, 0, 2, true));
  stream_->Push(Picture(0, 1, 1, true));
  stream_->Close(absl::OkStatus());
  EXPECT_EQ(stream_->previews_dropped(), 1);
  EXPECT_THAT(Read(),
              ElementsAre("preview 0/0@2", "preview 1/0@1", "preview 0/1@1"));
}

TEST_F(EventStreamTest, AStageImageTakesThePlaceOfItsPreviewAndStays) {
  stream_->Push(Picture(0, 0, 3, true));
  stream_->Push(Picture(0, 0, 4, false));
  stream_->Push(Picture(0, 1, 1, true));
  stream_->Push(Picture(0, 1, 4, false));
  stream_->Close(absl::OkStatus());
  EXPECT_THAT(Read(), ElementsAre("image 0/0@4", "image 0/1@4"));
}

TEST_F(EventStreamTest, AStageImageKeepsItsState) {
  PictureEvent<HostImage> picture = Picture(0, 0, 4, false);
  const auto state =
      std::make_shared<HostStageOutput>(1, 1, std::vector<float>{0.5f});
  picture.state = state;
  stream_->Push(std::move(picture));
  const EventStream::Item item = StreamReader(stream_).Next();
  ASSERT_TRUE(item.event.has_value());
  EXPECT_EQ(std::get<PictureEvent<EncodedImage>>(*item.event).state, state);
}

TEST_F(EventStreamTest, AnErrorDropsPreviewsAndKeepsImages) {
  stream_->Push(Picture(0, 0, 4, false));
  stream_->Push(Picture(0, 1, 1, true));
  stream_->Close(absl::CancelledError("enough"));
  EXPECT_THAT(Read(), ElementsAre("image 0/0@4"));
  EXPECT_THAT(end_, HasCode(absl::StatusCode::kCancelled));
}

TEST_F(EventStreamTest, TheFirstCloseCountsAndNothingFollowsIt) {
  stream_->Close(absl::CancelledError("first"));
  stream_->Close(absl::OkStatus());
  stream_->Push(QueuedEvent{});
  EXPECT_TRUE(Read().empty());
  EXPECT_THAT(end_, HasCode(absl::StatusCode::kCancelled));
}

TEST_F(EventStreamTest, AReaderMayAskBeforeThereIsAnEvent) {
  StreamReader reader(stream_);
  ThreadPool producer(1);
  producer.Post([this] { stream_->Push(QueuedEvent{}); });
  EXPECT_TRUE(reader.Next().event.has_value());
}

TEST_F(EventStreamTest, APictureThatCannotBeEncodedEndsTheStream) {
  PictureEvent<HostImage> broken = Picture(0, 0, 4, false);
  broken.picture.pixels.clear();
  stream_->Push(std::move(broken));
  stream_->Push(FinishedEvent{});
  EXPECT_TRUE(Read().empty());
  EXPECT_THAT(end_, HasReason(absl::StatusCode::kInternal, kEncodeFailed));
}

TEST_F(EventStreamTest, TheSummaryIsKeptWhereNobodyReads) {
  EXPECT_FALSE(stream_->summary().has_value());
  stream_->Abandon();
  stream_->Close(absl::CancelledError("gone"), {.tenant = "acme"});
  ASSERT_TRUE(stream_->summary().has_value());
  EXPECT_EQ(stream_->summary()->tenant, "acme");
  stream_->Close(absl::OkStatus(), {.tenant = "other"});
  EXPECT_EQ(stream_->summary()->tenant, "acme");
}

TEST(EventStreamThreadTest, NeverCallsTheReceiverOnTheAskingThread) {
  PlainEncoder encoder;
  ManualExecutor executor;
  auto stream =
      std::make_shared<EventStream>(OutputOptions{}, encoder, executor);
  stream->Push(QueuedEvent{});
  bool called = false;
  stream->Next([&called](EventStream::Item) { called = true; });
  EXPECT_FALSE(called);
  executor.RunAll();
  EXPECT_TRUE(called);
}

TEST(EventStreamThreadTest, EncodesOnlyWhatIsAskedFor) {
  PlainEncoder encoder;
  ManualExecutor executor;
  auto stream =
      std::make_shared<EventStream>(OutputOptions{}, encoder, executor);
  for (int i = 0; i < 10; ++i) stream->Push(Picture(i, 0, 4, false));
  EXPECT_EQ(executor.size(), 0u);
  stream->Next([](EventStream::Item) {});
  EXPECT_EQ(executor.size(), 1u);
  executor.RunAll();
}

TEST(EventStreamThreadTest, AbandonDropsThePendingReceiver) {
  PlainEncoder encoder;
  ManualExecutor executor;
  auto stream =
      std::make_shared<EventStream>(OutputOptions{}, encoder, executor);
  bool called = false;
  stream->Next([&called](EventStream::Item) { called = true; });
  stream->Abandon();
  stream->Push(QueuedEvent{});
  stream->Close(absl::OkStatus());
  executor.RunAll();
  EXPECT_FALSE(called);
}

TEST(EventStreamThreadTest, AbandonStopsAnEventOnItsWayToTheEncoder) {
  PlainEncoder encoder;
  ManualExecutor executor;
  auto stream =
      std::make_shared<EventStream>(OutputOptions{}, encoder, executor);
  stream->Push(Picture(0, 0, 4, false));
  bool called = false;
  stream->Next([&called](EventStream::Item) { called = true; });
  stream->Abandon();
  executor.RunAll();
  EXPECT_FALSE(called);
}

TEST(EventStreamThreadTest, LivesUntilItsLastTaskHasRun) {
  PlainEncoder encoder;
  ManualExecutor executor;
  auto stream =
      std::make_shared<EventStream>(OutputOptions{}, encoder, executor);
  stream->Push(QueuedEvent{});
  bool called = false;
  stream->Next([&called](EventStream::Item) { called = true; });
  stream.reset();
  executor.RunAll();
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace cascade
