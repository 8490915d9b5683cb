#include "server/rpc/event_conversion.h"

#include <gtest/gtest.h>

#include <utility>

namespace cascade {
namespace {

EventSource Source() {
  auto cascade = std::make_shared<CascadeSpec>();
  cascade->name = "digits";
  cascade->digest = "digest";
  cascade->class_names = {"zero", "one"};
  for (int k = 0; k < 2; ++k) {
    StageSpec stage;
    stage.index = k;
    stage.name = k == 0 ? "8x8" : "16x16";
    stage.resolution = 8 << k;
    stage.num_classes = 2;
    stage.augmentation.enabled = k == 1;
    stage.weights_sha256 = k == 0 ? "base" : "sr";
    cascade->stages.push_back(stage);
  }
  EventSource source;
  source.cascade = cascade;
  source.identity = {"1.2.3", "build", Reproducibility::kExact};
  source.request.request_id = "id";
  source.request.cascade = "digits";
  source.request.class_id = 1;
  source.request.seed = ~uint64_t{0};
  source.request.image_count = 2;
  source.request.target_stage = 1;
  source.request.stages.resize(2);
  source.request.stages[0].sampler.eta = 0.25;
  source.request.stages[1].sampler.kind = SamplerKind::kDdpm;
  source.request.stages[1].augmentation_level = 0.5;
  return source;
}

TEST(EventConversionTest, QueuedTellsIdPositionAndSeed) {
  const auto response = ConvertEvent(QueuedEvent{3}, Source(), 0);
  EXPECT_EQ(response.queued().request_id(), "id");
  EXPECT_EQ(response.queued().position(), 3);
  EXPECT_EQ(response.queued().seed(), ~uint64_t{0});
}

TEST(EventConversionTest, StageStartedTellsWhichImageAndStage) {
  const auto response =
      ConvertEvent(StageStartedEvent{1, 42, 2, 20}, Source(), 0);
  EXPECT_EQ(response.stage_started().image_index(), 1);
  EXPECT_EQ(response.stage_started().image_seed(), 42u);
  EXPECT_EQ(response.stage_started().stage(), 2);
  EXPECT_EQ(response.stage_started().num_steps(), 20);
}

PictureEvent<EncodedImage> Picture(bool is_preview) {
  PictureEvent<EncodedImage> event;
  event.image_index = 1;
  event.image_seed = 42;
  event.stage_index = 1;
  event.steps_done = 5;
  event.num_steps = 20;
  event.is_preview = is_preview;
  event.picture = {ImageFormat::kWebp, 16, 8, 3, "bytes"};
  return event;
}

TEST(EventConversionTest, APictureIsAPreviewOrAStageImage) {
  const auto preview = ConvertEvent(Picture(true), Source(), 0).preview();
  EXPECT_EQ(preview.steps_done(), 5);
  EXPECT_EQ(preview.num_steps(), 20);
  EXPECT_EQ(preview.image().format(), v1::IMAGE_FORMAT_WEBP);
  EXPECT_EQ(preview.image().width(), 16);
  EXPECT_EQ(preview.image().height(), 8);
  EXPECT_EQ(preview.image().channels(), 3);
  EXPECT_EQ(preview.image().data(), "bytes");
  const auto image = ConvertEvent(Picture(false), Source(), 0).stage_image();
  EXPECT_EQ(image.image_seed(), 42u);
  EXPECT_EQ(image.stage(), 1);
  EXPECT_EQ(image.image().data(), "bytes");
}

TEST(EventConversionTest, FinishedTellsAllThatMakesTheImagesAgain) {
  FinishedEvent event;
  event.queued = absl::Milliseconds(250);
  event.total = absl::Milliseconds(2500);
  event.timings.push_back(
      {1, 1, absl::Seconds(1), absl::Seconds(2), absl::Milliseconds(500)});
  const auto finished = ConvertEvent(event, Source(), 9).finished();
  EXPECT_EQ(finished.request_id(), "id");
  EXPECT_EQ(finished.queued_duration().nanos(), 250'000'000);
  EXPECT_EQ(finished.total_duration().seconds(), 2);
  EXPECT_EQ(finished.total_duration().nanos(), 500'000'000);
  EXPECT_EQ(finished.previews_dropped(), 9);
  ASSERT_EQ(finished.timings_size(), 1);
  EXPECT_EQ(finished.timings(0).waiting_duration().seconds(), 1);
  EXPECT_EQ(finished.timings(0).device_duration().nanos(), 500'000'000);

  const v1::GenerationRecord& record = finished.record();
  EXPECT_EQ(record.cascade(), "digits");
  EXPECT_EQ(record.cascade_digest(), "digest");
  EXPECT_EQ(record.class_id(), 1);
  EXPECT_EQ(record.class_name(), "one");
  ASSERT_EQ(record.image_seeds_size(), 2);
  EXPECT_EQ(record.image_seeds(1), 0u);  // Modulo 2^64.
  EXPECT_EQ(record.reproducibility(), v1::REPRODUCIBILITY_MODE_EXACT);
  EXPECT_EQ(record.build(), "build");
  ASSERT_EQ(record.stages_size(), 2);
  EXPECT_EQ(record.stages(0).weights_sha256(), "base");
  EXPECT_EQ(record.stages(0).sampler().kind(), v1::SAMPLER_KIND_DDIM);
  EXPECT_EQ(record.stages(0).sampler().eta(), 0.25);
  EXPECT_FALSE(record.stages(0).has_augmentation());
  EXPECT_FALSE(record.stages(1).sampler().has_eta());
  EXPECT_EQ(record.stages(1).augmentation().level(), 0.5);
  EXPECT_EQ(record.stages(1).augmentation().index(), 500);
  EXPECT_GT(record.stages(1).augmentation().sigma(), 0);
}

TEST(EventConversionTest, AnUnconditionalImageIsRecordedAsSuch) {
  EventSource source = Source();
  source.request.class_id.reset();
  const auto finished = ConvertEvent(FinishedEvent{}, source, 0).finished();
  EXPECT_TRUE(finished.record().unconditional());
  EXPECT_EQ(finished.record().class_name(), "");
}

}  // namespace
}  // namespace cascade
