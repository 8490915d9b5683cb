// Truncated conditioning augmentation, over the wire.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Response = v1::GenerateImageResponse;

ScriptedServer::Options TwoStages() {
  ScriptedServer::Options options;
  options.stages = {{.resolution = 8},
                    {.resolution = 16, .augmentation = true}};
  return options;
}

// Stage 0 would take steps at timesteps 999, 666, 333 and 0.
v1::GenerateImageRequest Truncated(double level) {
  v1::GenerateImageRequest request = DigitRequest();
  v1::StageOptions& stage = *request.add_stages();
  stage.set_stage(1);
  stage.mutable_augmentation()->set_level(level);
  stage.mutable_augmentation()->set_mode(v1::AUGMENTATION_MODE_TRUNCATED);
  return request;
}

TEST(TruncatedAugmentationTest, TheLowerStageStopsAndItsImageIsAnEstimate) {
  ScriptedServer served(TwoStages());
  const Reply reply = Generate(served.Client(), Truncated(0.4));
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  EXPECT_THAT(reply.problems, IsEmpty());
  EXPECT_THAT(served.script().steps(), SizeIs(2 + 4));
  const auto images = reply.Events(&Response::has_stage_image);
  ASSERT_THAT(images, SizeIs(2));
  EXPECT_TRUE(images[0].stage_image().is_estimate());
  EXPECT_EQ(images[0].stage_image().num_steps(), 2);
  EXPECT_FALSE(images[1].stage_image().is_estimate());
  const v1::GenerationRecord& record = reply.events.back().finished().record();
  ASSERT_EQ(record.stages_size(), 2);
  EXPECT_EQ(record.stages(0).sampler().steps(), 4);
  const v1::AugmentationRecord& augmentation = record.stages(1).augmentation();
  EXPECT_EQ(augmentation.mode(), v1::AUGMENTATION_MODE_TRUNCATED);
  EXPECT_EQ(augmentation.index(), 400);
  EXPECT_EQ(record.stages(0).stop_index(), 400);
  EXPECT_FALSE(record.stages(1).has_stop_index());
}

TEST(TruncatedAugmentationTest, ATargetStageFinishes) {
  ScriptedServer served(TwoStages());
  v1::GenerateImageRequest request = Truncated(0.4);
  request.set_target_stage(0);
  request.mutable_stages(0)->clear_stage();
  const Reply refused = Generate(served.Client(), request);
  EXPECT_EQ(refused.status.code, grpc::StatusCode::INVALID_ARGUMENT);
  request.clear_stages();
  const Reply reply = Generate(served.Client(), request);
  ASSERT_TRUE(reply.status.ok()) << reply.status.message;
  const auto images = reply.Events(&Response::has_stage_image);
  ASSERT_THAT(images, SizeIs(1));
  EXPECT_FALSE(images[0].stage_image().is_estimate());
  EXPECT_EQ(images[0].stage_image().num_steps(), 4);
}

// Best effort returns the state of every stage.
v1::StageState NoisyState(ScriptedServer& served) {
  v1::GenerateImageRequest request = Truncated(0.4);
  request.set_deadline_policy(v1::DEADLINE_POLICY_BEST_EFFORT);
  request.set_return_stage_state(true);
  const Reply reply = Generate(served.Client(), request);
  EXPECT_TRUE(reply.status.ok()) << reply.status.message;
  const auto images = reply.Events(&Response::has_stage_image);
  return images.empty() ? v1::StageState() : images[0].stage_image().state();
}

TEST(TruncatedAugmentationTest, AStateCarriesItsLevel) {
  ScriptedServer served(TwoStages());
  v1::UpscaleImageRequest request;
  request.set_cascade("digits");
  *request.mutable_state() = NoisyState(served);
  EXPECT_EQ(request.state().level(), 0.4);
  v1::StageOptions& stage = *request.add_stages();
  stage.set_stage(1);
  // No step of stage 0 is above level 1; but it has run.
  for (double level : {0.4, 0.7, 1.0}) {
    stage.mutable_augmentation()->set_level(level);
    const Reply reply = Upscale(served.Client(), request);
    ASSERT_TRUE(reply.status.ok()) << reply.status.message;
    const v1::AugmentationRecord& augmentation =
        reply.events.back().finished().record().stages(0).augmentation();
    EXPECT_EQ(augmentation.level(), level);
    EXPECT_EQ(augmentation.mode(), v1::AUGMENTATION_MODE_TRUNCATED);
  }
  stage.mutable_augmentation()->set_level(0.3);
  const Reply below = Upscale(served.Client(), request);
  EXPECT_EQ(below.status.code, grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_THAT(below.status.fields, SizeIs(1));
  EXPECT_EQ(below.status.fields[0].field, "stages[0].augmentation.level");
  EXPECT_THAT(below.status.fields[0].description,
              HasSubstr("0.3 is below the state's level, 0.4"));
}

}  // namespace
}  // namespace cascade
