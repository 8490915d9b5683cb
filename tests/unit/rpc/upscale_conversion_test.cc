#include "server/rpc/upscale_conversion.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "models/host_stage_output.h"
#include "models/image_codec.h"
#include "server/base/error_reason.h"
#include "server/rpc/stage_state.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/rpc/digits_spec.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kFallbackSeed = 77;

v1::UpscaleImageRequest Parse(const std::string& text) {
  v1::UpscaleImageRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request))
      << text;
  return request;
}

absl::StatusOr<GenerationRequest> Convert(
    const v1::UpscaleImageRequest& request,
    const CascadeSpec& cascade = Digits()) {
  CallFacts call;
  call.fallback_seed = kFallbackSeed;
  return ConvertUpscaleImageRequest(
      request, cascade, {.max_image_count = 16, .max_upload_pixels = 10'000},
      call);
}

// From the state of an image of class 7 with seed 42.
v1::UpscaleImageRequest FromState(int stage, const std::string& text = "") {
  v1::UpscaleImageRequest request = Parse(text);
  const int side = 8 << stage;
  const HostStageOutput output(
      1, side,
      std::vector<float>(static_cast<size_t>(side) * static_cast<size_t>(side),
                         0.25f));
  *request.mutable_state() = *MakeStageState(output, Digits(), stage, 42, 7);
  return request;
}

// From a base's state that has 0.137 of the next stage's noise left in it.
v1::UpscaleImageRequest FromNoisyState(const std::string& text = "") {
  v1::UpscaleImageRequest request = Parse(text);
  const HostStageOutput output(1, 8, std::vector<float>(64, 0.25f), 137);
  *request.mutable_state() = *MakeStageState(output, Digits(), 0, 42, 7);
  return request;
}

// From a PNG whose left half is black and whose right half is `right`.
v1::UpscaleImageRequest FromImage(int width, int height,
                                  const std::string& text,
                                  uint8_t right = 255) {
  HostImage image = {height, width, 1, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.pixels.push_back(x < width / 2 ? 0 : right);
    }
  }
  const std::vector<uint8_t> png = *EncodePng(image);
  v1::UpscaleImageRequest request = Parse(text);
  request.mutable_image()->set_data(png.data(), png.size());
  return request;
}

TEST(UpscaleConversionTest, GoesOnFromAStateAsIfItHadNotStopped) {
  const auto request = Convert(FromState(0));
  ASSERT_OK(request);
  EXPECT_EQ(request->cascade, "digits");
  EXPECT_EQ(request->first_stage, 1);
  EXPECT_EQ(request->target_stage, 2);
  EXPECT_EQ(request->class_id, 7);
  EXPECT_EQ(request->seed, 42u);
  EXPECT_EQ(request->image_count, 1);
  ASSERT_EQ(request->stages.size(), 3u);
  EXPECT_EQ(request->stages[2].augmentation_level, 0.1);
  EXPECT_THAT(request->output.stage_images, ElementsAre(false, true, true));
  ASSERT_NE(request->input, nullptr);
  EXPECT_EQ(request->input->resolution(), 8);
  EXPECT_EQ(*request->input->ToHost(), std::vector<float>(64, 0.25f));
}

TEST(UpscaleConversionTest, ANoisyStatesLevelIsTheLeast) {
  const auto level = [](const std::string& text) {
    return Convert(FromNoisyState(text))->stages[1].augmentation_level;
  };
  // The default is 0.1.
  EXPECT_EQ(level(""), 0.137);
  EXPECT_EQ(level("stages { stage: 1 augmentation { level: 0.137 } }"), 0.137);
  EXPECT_EQ(level("stages { augmentation { level: 0.5 } }"), 0.5);
  const auto request =
      Convert(FromNoisyState("stages { stage: 1 augmentation { mode: "
                             "AUGMENTATION_MODE_TRUNCATED } }"));
  ASSERT_OK(request);
  EXPECT_EQ(request->stages[1].augmentation_mode, AugmentationMode::kTruncated);
  EXPECT_EQ(request->stages[2].augmentation_mode,
            AugmentationMode::kNonTruncated);
  EXPECT_EQ(request->input->noise_index(), 137);
}

// Its index is rounded up: 334 / 1000 would be above it.
TEST(UpscaleConversionTest, TheLargestLevelOfAStateIsOneThatRuns) {
  CascadeSpec cascade = Digits();
  cascade.stages[1].augmentation.max_level = 0.3336;
  const HostStageOutput output(1, 8, std::vector<float>(64, 0.25f), 334);
  v1::UpscaleImageRequest request;
  *request.mutable_state() = *MakeStageState(output, cascade, 0, 42, 7);
  const auto converted = Convert(request, cascade);
  ASSERT_OK(converted);
  EXPECT_EQ(converted->stages[1].augmentation_level, 0.3336);
}

TEST(UpscaleConversionTest, NoiseCannotBeTakenOutOfAState) {
  const auto refusal = [](const v1::UpscaleImageRequest& request) {
    return std::string(Convert(request).status().message());
  };
  EXPECT_THAT(
      refusal(
          FromNoisyState("stages { stage: 1 augmentation { level: 0.1 } }")),
      HasSubstr("stages[0].augmentation.level: 0.1 is below the state's level, "
                "0.137"));
  EXPECT_THAT(
      refusal(FromNoisyState("stages { stage: 1 augmentation { mode: "
                             "AUGMENTATION_MODE_NON_TRUNCATED } }")),
      HasSubstr("stages[0].augmentation.mode: non-truncated: the state"));
  EXPECT_THAT(refusal(FromState(0,
                                "stages { stage: 1 augmentation { mode: "
                                "AUGMENTATION_MODE_TRUNCATED } }")),
              HasSubstr("stages[0].augmentation.mode: truncated: the stage "
                        "below stage 1 (16x16) does not run"));
  // The stage above it can be.
  EXPECT_OK(Convert(FromState(
      0, "stages { augmentation { mode: AUGMENTATION_MODE_TRUNCATED } }")));
}

TEST(UpscaleConversionTest, ListsAreCountedBeforeTheSourceIsRead) {
  v1::UpscaleImageRequest request = FromState(0);
  request.mutable_state()->set_checksum("damaged");
  for (int i = 0; i < 5; ++i) request.add_stages();
  const auto violations = FieldViolations(Convert(request).status());
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "stages");
  EXPECT_EQ(violations[0].description, "5 entries: at most 4");
}

TEST(UpscaleConversionTest, TheRequestGoesBeforeTheState) {
  const auto request = Convert(FromState(
      1, "class_id: 3 seed: 5 image_count: 4 return_stage_state: true"));
  ASSERT_OK(request);
  EXPECT_EQ(request->first_stage, 2);
  EXPECT_EQ(request->class_id, 3);
  EXPECT_EQ(request->seed, 5u);
  EXPECT_EQ(request->image_count, 4);
  EXPECT_TRUE(request->returns_state);
}

TEST(UpscaleConversionTest, EveryStageMeansThoseThatRun) {
  const auto request = Convert(FromState(
      0,
      "stages { sampler { steps: 3 } } stages { stage: 2 sampler { steps: "
      "9 } } target_stage: 2 priority: PRIORITY_BATCH "
      "deadline_policy: DEADLINE_POLICY_BEST_EFFORT output { stages: 2 }"));
  ASSERT_OK(request);
  EXPECT_EQ(request->stages[0].sampler.num_steps, 20);
  EXPECT_EQ(request->stages[1].sampler.num_steps, 3);
  EXPECT_EQ(request->stages[2].sampler.num_steps, 9);
  EXPECT_EQ(request->priority, Priority::kBatch);
  EXPECT_THAT(request->output.stage_images, ElementsAre(false, true, true));
}

TEST(UpscaleConversionTest, AnImageEntersWhereItsSizeFits) {
  const auto request = Convert(FromImage(16, 16, "class_id: 1"));
  ASSERT_OK(request);
  EXPECT_EQ(request->first_stage, 2);
  EXPECT_EQ(request->seed, kFallbackSeed);
  EXPECT_EQ(request->class_id, 1);
  EXPECT_EQ(request->input->resolution(), 16);
  EXPECT_EQ(request->input->channels(), 1);
  const std::vector<float> values = *request->input->ToHost();
  ASSERT_EQ(values.size(), 256u);
  EXPECT_EQ(values[7], -1.0f);
  EXPECT_EQ(values[8], 1.0f);
}

// The first row of what stage 1 gets of a 20 x 10 image, half black and half
// white, or of its rotation.
std::vector<float> FirstRow(const std::string& rule) {
  const auto request = Convert(FromImage(
      20, 10, "class_id: 1 image { first_stage: 1 resize: " + rule + " }"));
  EXPECT_OK(request);
  std::vector<float> values = *request->input->ToHost();
  EXPECT_EQ(values.size(), 64u);
  values.resize(8);
  return values;
}

TEST(UpscaleConversionTest, ResizesAsTheRuleSays) {
  // Both halves stay in view, from edge to edge.
  for (const char* rule : {"RESIZE_RULE_CENTER_CROP", "RESIZE_RULE_STRETCH"}) {
    const std::vector<float> row = FirstRow(rule);
    EXPECT_NEAR(row.front(), -1, 0.1) << rule;
    EXPECT_NEAR(row.back(), 1, 0.1) << rule;
  }
  // Black above and below.
  EXPECT_EQ(FirstRow("RESIZE_RULE_PAD"), std::vector<float>(8, -1.0f));
}

TEST(UpscaleConversionTest, BytesOfAnImageThatFitsAreNotResized) {
  const auto plain = Convert(FromImage(8, 8, "class_id: 1", 130));
  const auto ruled = Convert(
      FromImage(8, 8, "class_id: 1 image { resize: RESIZE_RULE_PAD }", 130));
  ASSERT_OK(plain);
  ASSERT_OK(ruled);
  EXPECT_EQ(*plain->input->ToHost(), *ruled->input->ToHost());
  EXPECT_FLOAT_EQ((*plain->input->ToHost())[7], 130 / 127.5f - 1);
}

struct UpscaleRefusal {
  v1::UpscaleImageRequest request;
  std::string field;
  std::string says;
};

class UpscaleRefusalTest : public ::testing::TestWithParam<UpscaleRefusal> {};

TEST_P(UpscaleRefusalTest, NamesFieldAndValue) {
  const auto request = Convert(GetParam().request);
  ASSERT_THAT(request,
              HasReason(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  const auto violations = FieldViolations(request.status());
  ASSERT_EQ(violations.size(), 1u) << request.status();
  EXPECT_EQ(violations[0].field, GetParam().field);
  EXPECT_THAT(violations[0].description, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Source, UpscaleRefusalTest,
    ::testing::Values(
        UpscaleRefusal{Parse("class_id: 1"), "source", "unset"},
        UpscaleRefusal{Parse("class_id: 1 image { }"), "image.data", "unset"},
        UpscaleRefusal{Parse("class_id: 1 image { data: 'no image' }"),
                       "image.data", "PNG"},
        UpscaleRefusal{FromImage(101, 100, "class_id: 1"), "image.data",
                       "101 x 100 pixels: at most 10000"},
        UpscaleRefusal{FromImage(9, 9, "class_id: 1"), "image.first_stage",
                       "no stage takes images of 9 x 9, but of 8 x 8, 16 x 16"},
        UpscaleRefusal{FromImage(8, 8, "class_id: 1 image { first_stage: 0 }"),
                       "image.first_stage", "0 is not in 1..2"},
        UpscaleRefusal{FromImage(8, 8, "class_id: 1 image { first_stage: 3 }"),
                       "image.first_stage", "3 is not in 1..2"},
        UpscaleRefusal{FromImage(16, 8, "class_id: 1 image { first_stage: 2 }"),
                       "image.resize",
                       "unset, and the image is 16 x 8 where stage 2 takes "
                       "16 x 16"},
        UpscaleRefusal{FromImage(8, 8, "class_id: 1 image { resize: 9 }"),
                       "image.resize", "9 is not a resize rule"}));

INSTANTIATE_TEST_SUITE_P(
    Fields, UpscaleRefusalTest,
    ::testing::Values(
        UpscaleRefusal{FromImage(8, 8, ""), "class_id", "needs class_id"},
        UpscaleRefusal{FromState(0, "class_name: 'x'"), "class_name", "'x'"},
        UpscaleRefusal{FromState(0, "image_count: 17"), "image_count",
                       "17 is not in 1..16"},
        UpscaleRefusal{FromState(1, "target_stage: 1"), "target_stage",
                       "1 is not in 2..2"},
        UpscaleRefusal{FromState(0, "stages { stage: 0 }"), "stages[0].stage",
                       "0 is not in 1..2"},
        UpscaleRefusal{FromState(0, "output { stages: 0 }"), "output.stages[0]",
                       "0 is not in 1..2"},
        UpscaleRefusal{FromState(0, "time_budget { }"), "time_budget",
                       "positive"},
        UpscaleRefusal{FromState(1, "priority: 9"), "priority", "9"}));

TEST(UpscaleConversionTest, ADamagedStateIsRefused) {
  v1::UpscaleImageRequest request = FromState(0);
  request.mutable_state()->set_image_seed(43);
  EXPECT_THAT(Convert(request),
              HasReason(absl::StatusCode::kDataLoss, "STATE_DAMAGED"));
}

TEST(UpscaleConversionTest, ACascadeOfOneStageEnlargesNothing) {
  CascadeSpec cascade = Digits();
  cascade.stages.resize(1);
  const auto request = Convert(FromImage(8, 8, "class_id: 1"), cascade);
  EXPECT_THAT(request, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(request.status().message()),
              HasSubstr("'digits' has no stage that enlarges"));
}

TEST(UpscaleConversionTest, AnUnconditionalStateStaysSo) {
  const CascadeSpec cascade = Unconditional();
  v1::UpscaleImageRequest request;
  const HostStageOutput output(1, 8, std::vector<float>(64));
  *request.mutable_state() = *MakeStageState(output, cascade, 0, 42, {});
  const auto converted = Convert(request, cascade);
  ASSERT_OK(converted);
  EXPECT_FALSE(converted->class_id.has_value());
}

TEST(UpscaleConversionTest, RefusesFieldsOfALaterVersion) {
  v1::UpscaleImageRequest request = FromState(0);
  v1::StageState& state = *request.mutable_state();
  state.GetReflection()->MutableUnknownFields(&state)->AddVarint(99, 1);
  const auto converted = Convert(request);
  ASSERT_THAT(converted, HasCode(absl::StatusCode::kUnimplemented));
  EXPECT_EQ(FieldViolations(converted.status())[0].field, "state.99");
}

}  // namespace
}  // namespace cascade
