#include "server/rpc/request_conversion.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "server/base/error_reason.h"
#include "tests/unit/rpc/digits_spec.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kFallbackSeed = 77;
const absl::Time kArrival = absl::FromUnixSeconds(1'000'000);
const absl::Time kDeadline = kArrival + absl::Seconds(60);

v1::GenerateImageRequest Parse(const std::string& text) {
  v1::GenerateImageRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request))
      << text;
  return request;
}

absl::StatusOr<GenerationRequest> Convert(
    const v1::GenerateImageRequest& request,
    const CascadeSpec& cascade = Digits()) {
  CallFacts call;
  call.request_id = "id";
  call.arrival = kArrival;
  call.deadline = kDeadline;
  call.tenant = "a tenant";
  call.fallback_seed = kFallbackSeed;
  return ConvertGenerateImageRequest(request, cascade, {.max_image_count = 16},
                                     call);
}

TEST(RequestConversionTest, FillsInTheDefaultsOfTheCascade) {
  const auto request = Convert(Parse("class_id: 7"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->cascade, "digits");
  EXPECT_EQ(request->class_id, 7);
  EXPECT_EQ(request->seed, kFallbackSeed);
  EXPECT_EQ(request->image_count, 1);
  EXPECT_EQ(request->target_stage, 2);
  ASSERT_EQ(request->stages.size(), 3u);
  EXPECT_EQ(request->stages[0].sampler.num_steps, 20);
  EXPECT_EQ(request->stages[0].sampler.guidance.scale, 2);
  EXPECT_EQ(request->stages[0].augmentation_level, 0);
  EXPECT_EQ(request->stages[1].augmentation_level, 0.1);
  EXPECT_EQ(request->output.format, ImageFormat::kPng);
  EXPECT_EQ(request->output.preview_every_steps, 0);
  EXPECT_THAT(request->output.stage_images, ElementsAre(true, true, true));
}

TEST(RequestConversionTest, AnEntryForOneStageGoesBeforeTheOneForAll) {
  const auto request = Convert(
      Parse("class_id: 7 stages { sampler { steps: 5 } guidance { scale: 1 } } "
            "stages { stage: 1 sampler { steps: 9 } }"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->stages[0].sampler.num_steps, 5);
  EXPECT_EQ(request->stages[1].sampler.num_steps, 9);
  EXPECT_EQ(request->stages[2].sampler.num_steps, 5);
  EXPECT_EQ(request->stages[2].sampler.guidance.scale, 1);
}

CascadeSpec ConsistencyBase() {
  CascadeSpec cascade = Digits();
  StageSpec& base = cascade.stages[0];
  base.diffusion = {.num_timesteps = 40,
                    .schedule = ScheduleKind::kKarras,
                    .prediction = PredictionType::kConsistency};
  base.default_sampler = {.kind = SamplerKind::kConsistency,
                          .num_steps = 2,
                          .grid_points = {0, 22}};
  return cascade;
}

TEST(RequestConversionTest, AConsistencyModelKeepsItsGridPoints) {
  const auto request = Convert(
      Parse("class_id: 7 stages { stage: 0 sampler { steps: 3 } } stages { "
            "stage: 2 sampler { kind: SAMPLER_KIND_HEUN } }"),
      ConsistencyBase());
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->stages[0].sampler.kind, SamplerKind::kConsistency);
  EXPECT_EQ(request->stages[0].sampler.num_steps, 3);
  EXPECT_THAT(request->stages[0].sampler.grid_points, ElementsAre(0, 22));
  EXPECT_EQ(request->stages[2].sampler.kind, SamplerKind::kHeun);
}

TEST(RequestConversionTest, AConsistencyModelTakesNoOtherSampler) {
  const auto request = Convert(
      Parse("class_id: 7 stages { stage: 0 sampler { kind: SAMPLER_KIND_DDPM "
            "steps: 41 } }"),
      ConsistencyBase());
  EXPECT_THAT(std::string(request.status().message()),
              HasSubstr("stages[0].sampler.kind: DDPM: stage 0 (8x8) is "
                        "sampled by consistency sampling only"));
  EXPECT_THAT(std::string(request.status().message()),
              HasSubstr("stages[0].sampler.steps: 41 is not in 1..40"));
}

TEST(RequestConversionTest, AnotherSamplerDropsWhatBelongsToTheDefault) {
  CascadeSpec cascade = Digits();
  cascade.stages[0].default_sampler.spacing = TimestepSpacing::kStride;
  const auto request =
      Convert(Parse("class_id: 7 stages { sampler { kind: SAMPLER_KIND_DDPM } "
                    "}"),
              cascade);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->stages[0].sampler.kind, SamplerKind::kDdpm);
  EXPECT_EQ(request->stages[0].sampler.eta, 0);
  EXPECT_EQ(request->stages[0].sampler.spacing, TimestepSpacing::kEven);
  EXPECT_EQ(request->stages[0].sampler.num_steps, 20);
}

TEST(RequestConversionTest, AThresholdIsSetFieldByField) {
  CascadeSpec cascade = Digits();
  cascade.stages[2].default_sampler.threshold = {ThresholdKind::kDynamic, 0.9,
                                                 3};
  const auto request =
      Convert(Parse("class_id: 7 stages { sampler { threshold { kind: "
                    "THRESHOLD_KIND_DYNAMIC } } } stages { stage: 1 sampler { "
                    "threshold { quantile: 0.5 max: 1.5 } } }"),
              cascade);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->stages[0].sampler.threshold,
            ThresholdOptions{ThresholdKind::kDynamic});
  EXPECT_EQ(request->stages[1].sampler.threshold,
            (ThresholdOptions{ThresholdKind::kDynamic, 0.5, 1.5}));
  EXPECT_EQ(request->stages[2].sampler.threshold,
            (ThresholdOptions{ThresholdKind::kDynamic, 0.9, 3}))
      << "a kind that is the default's changes nothing";
}

// Stage 2 of Digits() is told noise levels, and the others are not.
TEST(RequestConversionTest, AScheduleForEveryStageMeansThoseThatCan) {
  const auto request =
      Convert(Parse("class_id: 7 stages { sampler { steps: 8 schedule { kind: "
                    "SCHEDULE_KIND_LINEAR num_timesteps: 10 beta_begin: 0.1 "
                    "beta_end: 0.5 } } }"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_FALSE(request->stages[0].sampler.schedule.has_value());
  EXPECT_FALSE(request->stages[1].sampler.schedule.has_value());
  EXPECT_EQ(request->stages[2].sampler.schedule,
            (SamplingSchedule{ScheduleKind::kLinear, 10, BetaRange{0.1, 0.5}}));
}

TEST(RequestConversionTest, TheTrainingsScheduleCanBeChosenBack) {
  CascadeSpec cascade = Digits();
  cascade.stages[2].default_sampler.schedule = {.num_timesteps = 25};
  EXPECT_EQ(Convert(Parse("class_id: 7"), cascade)
                ->stages[2]
                .sampler.schedule->num_timesteps,
            25);
  const auto request =
      Convert(Parse("class_id: 7 stages { stage: 2 sampler { steps: 500 "
                    "schedule { kind: SCHEDULE_KIND_TRAINED } } }"),
              cascade);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_FALSE(request->stages[2].sampler.schedule.has_value());
}

TEST(RequestConversionTest, ATargetBelowTheTopRunsFewerStages) {
  const auto request =
      Convert(Parse("class_id: 7 target_stage: 1 output { stages: 1 }"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->target_stage, 1);
  EXPECT_EQ(request->stages.size(), 2u);
  EXPECT_THAT(request->output.stage_images, ElementsAre(false, true));
}

TEST(RequestConversionTest, TheTargetsImageIsAlwaysSent) {
  const auto request = Convert(Parse("class_id: 7 output { stages: 0 }"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_THAT(request->output.stage_images, ElementsAre(true, false, true));
}

TEST(RequestConversionTest, FindsAClassByName) {
  const auto request = Convert(Parse("class_name: 'digit3'"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->class_id, 3);
}

TEST(RequestConversionTest, AnUnconditionalImageHasNoGuidance) {
  CascadeSpec cascade = Digits();
  cascade.stages[1].has_null_class = true;
  const auto request = Convert(Parse("unconditional: true"), cascade);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_FALSE(request->class_id.has_value());
  EXPECT_EQ(request->stages[0].sampler.guidance.scale, 1);
}

TEST(RequestConversionTest, AnUnconditionalCascadeNeedsNoClass) {
  const auto request = Convert(Parse("seed: 5"), Unconditional());
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_FALSE(request->class_id.has_value());
  EXPECT_EQ(request->seed, 5u);
}

TEST(RequestConversionTest, TakesOverWhatTheCallSays) {
  const auto request = Convert(Parse("class_id: 7"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->request_id, "id");
  EXPECT_EQ(request->tenant, "a tenant");
  EXPECT_EQ(request->deadline, kDeadline);
  EXPECT_EQ(request->cascade_digest, "a digest");
  EXPECT_EQ(request->first_stage, 0);
  EXPECT_EQ(request->deadline_policy, DeadlinePolicy::kStrict);
  EXPECT_EQ(request->priority, Priority::kStandard);
  EXPECT_FALSE(request->returns_state);
}

TEST(RequestConversionTest, TheEarlierOfDeadlineAndTimeBudgetCounts) {
  const auto deadline = [](const std::string& budget) {
    return Convert(Parse("class_id: 7 time_budget { " + budget + " }"))
        ->deadline;
  };
  EXPECT_EQ(deadline("seconds: 2 nanos: 500000000"),
            kArrival + absl::Milliseconds(2500));
  EXPECT_EQ(deadline("seconds: 61"), kDeadline);
  EXPECT_EQ(deadline("seconds: 315576000000"), kDeadline);
}

TEST(RequestConversionTest, HonoursPolicyPriorityAndState) {
  const auto request =
      Convert(Parse("class_id: 7 deadline_policy: DEADLINE_POLICY_BEST_EFFORT "
                    "priority: PRIORITY_INTERACTIVE return_stage_state: true"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->deadline_policy, DeadlinePolicy::kBestEffort);
  EXPECT_EQ(request->priority, Priority::kInteractive);
  EXPECT_TRUE(request->returns_state);
  EXPECT_EQ(Convert(Parse("class_id: 7 priority: PRIORITY_BATCH"))->priority,
            Priority::kBatch);
}

TEST(RequestConversionTest, UnderBestEffortEachStagesImageIsSent) {
  const auto request =
      Convert(Parse("class_id: 7 output { stages: 2 } deadline_policy: "
                    "DEADLINE_POLICY_BEST_EFFORT"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_THAT(request->output.stage_images, ElementsAre(true, true, true));
}

TEST(RequestConversionTest, ASeedOfZeroIsASeed) {
  const auto request = Convert(Parse("class_id: 7 seed: 0"));
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->seed, 0u);
}

// A request that is refused, with the field that is named and a part of what is
// said of it.
struct Refusal {
  std::string request;
  std::string field;
  std::string says;
  absl::StatusCode code = absl::StatusCode::kInvalidArgument;
};

class RequestRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RequestRefusalTest, NamesFieldAndValue) {
  const Refusal& refusal = GetParam();
  const auto request = Convert(Parse(refusal.request));
  ASSERT_EQ(request.status().code(), refusal.code) << request.status();
  const auto violations = FieldViolations(request.status());
  ASSERT_EQ(violations.size(), 1u) << request.status();
  EXPECT_EQ(violations[0].field, refusal.field);
  EXPECT_THAT(violations[0].description, HasSubstr(refusal.says));
  EXPECT_EQ(ErrorReason(request.status()),
            refusal.code == absl::StatusCode::kUnimplemented
                ? kFieldUnimplemented
                : kInvalidField);
  EXPECT_THAT(std::string(request.status().message()),
              HasSubstr(refusal.field));
}

INSTANTIATE_TEST_SUITE_P(
    Class, RequestRefusalTest,
    ::testing::Values(
        Refusal{"", "class_id", "needs class_id (0..9) or class_name"},
        Refusal{"class_id: 10", "class_id", "10 is not in 0..9"},
        Refusal{"class_id: -1", "class_id", "-1 is not in 0..9"},
        Refusal{"class_name: 'seven'", "class_name",
                "one of digit0, digit1, digit2"},
        Refusal{"unconditional: false", "unconditional", "false"},
        Refusal{"unconditional: true", "unconditional", "null class"}));

INSTANTIATE_TEST_SUITE_P(
    Request, RequestRefusalTest,
    ::testing::Values(
        Refusal{"class_id: 1 image_count: 0", "image_count",
                "0 is not in 1..16"},
        Refusal{"class_id: 1 image_count: 17", "image_count",
                "17 is not in 1..16"},
        Refusal{"class_id: 1 target_stage: 3", "target_stage",
                "3 is not in 0..2"},
        Refusal{"class_id: 1 target_stage: -1", "target_stage",
                "-1 is not in 0..2"},
        Refusal{"class_id: 1 time_budget { seconds: -1 }", "time_budget",
                "positive"},
        Refusal{"class_id: 1 time_budget { }", "time_budget", "positive"},
        Refusal{"class_id: 1 time_budget { seconds: 1 nanos: -1 }",
                "time_budget", "1s and -1ns"},
        Refusal{"class_id: 1 time_budget { nanos: 1000000000 }", "time_budget",
                "0s and 1000000000ns"},
        Refusal{"class_id: 1 deadline_policy: 9", "deadline_policy", "9"},
        Refusal{"class_id: 1 priority: 9", "priority", "9"}));

INSTANTIATE_TEST_SUITE_P(
    Stages, RequestRefusalTest,
    ::testing::Values(
        Refusal{"class_id: 1 stages { stage: 3 }", "stages[0].stage",
                "3 is not in 0..2"},
        Refusal{"class_id: 1 target_stage: 0 stages { stage: 1 }",
                "stages[0].stage", "1 is not in 0..0"},
        Refusal{"class_id: 1 stages { stage: 1 } stages { stage: 1 }",
                "stages[1].stage", "stages[0] means the same"},
        Refusal{"class_id: 1 stages { } stages { }", "stages[1].stage",
                "stages[0] means the same"},
        Refusal{"class_id: 1 stages { sampler { kind: 9 } }",
                "stages[0].sampler.kind", "9 is not a sampler"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { kind: "
                "SAMPLER_KIND_CONSISTENCY } }",
                "stages[0].sampler.kind",
                "consistency sampling: stage 2 (32x32) is sampled by DDPM, "
                "DDIM, DPM-Solver++(2M), Heun, UniPC-3 only"},
        Refusal{"class_id: 1 stages { stage: 0 sampler { kind: "
                "SAMPLER_KIND_HEUN eta: 0.5 } }",
                "stages[0].sampler.eta", "runs Heun"},
        Refusal{"class_id: 1 stages { sampler { steps: 0 } }",
                "stages[0].sampler.steps", "0 is not in 1..1000"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { steps: 1001 } }",
                "stages[0].sampler.steps", "1001 is not in 1..1000"},
        Refusal{"class_id: 1 stages { sampler { eta: 1.5 } }",
                "stages[0].sampler.eta", "1.5 is not in 0..1"},
        Refusal{"class_id: 1 stages { sampler { eta: nan } }",
                "stages[0].sampler.eta", "nan is not in 0..1"},
        Refusal{"class_id: 1 stages { stage: 0 sampler { kind: "
                "SAMPLER_KIND_DDPM eta: 0.5 } }",
                "stages[0].sampler.eta", "only DDIM takes eta"},
        Refusal{"class_id: 1 stages { stage: 0 guidance { scale: -1 } }",
                "stages[0].guidance.scale", "-1 is not in 0..100"},
        Refusal{"class_id: 1 stages { stage: 0 guidance { scale: nan } }",
                "stages[0].guidance.scale", "nan"},
        Refusal{"class_id: 1 stages { stage: 0 guidance { scale: inf } }",
                "stages[0].guidance.scale", "inf"},
        Refusal{"class_id: 1 stages { stage: 1 guidance { scale: 2 } }",
                "stages[0].guidance.scale",
                "stage 1 (16x16) has no null class"},
        Refusal{"class_id: 1 stages { guidance { interval_end: 1.1 } }",
                "stages[0].guidance.interval_end", "1.1 is not in 0..1"},
        Refusal{"class_id: 1 stages { guidance { interval_begin: 0.8 "
                "interval_end: 0.2 } }",
                "stages[0].guidance.interval_begin", "0.8..0.2 is empty"},
        Refusal{"class_id: 1 stages { stage: 0 augmentation { level: 0.1 } }",
                "stages[0].augmentation", "stage 0 (8x8) was not trained"},
        Refusal{"class_id: 1 target_stage: 0 stages { augmentation { level: "
                "0.1 } }",
                "stages[0].augmentation", "no stage that runs"},
        Refusal{"class_id: 1 stages { stage: 1 augmentation { level: 0.6 } }",
                "stages[0].augmentation.level", "0.6 is not in 0..0.5"},
        Refusal{"class_id: 1 stages { stage: 1 augmentation { mode: 9 } }",
                "stages[0].augmentation.mode", "9"}));

INSTANTIATE_TEST_SUITE_P(
    Thresholds, RequestRefusalTest,
    ::testing::Values(
        Refusal{"class_id: 1 stages { sampler { threshold { kind: 9 } } }",
                "stages[0].sampler.threshold.kind", "9 is not a threshold"},
        Refusal{"class_id: 1 stages { stage: 0 sampler { threshold { quantile: "
                "0.9 } } }",
                "stages[0].sampler.threshold.quantile",
                "0.9: only a dynamic threshold takes it, and stage 0 (8x8)"},
        Refusal{"class_id: 1 stages { stage: 0 sampler { threshold { kind: "
                "THRESHOLD_KIND_NONE max: 2 } } }",
                "stages[0].sampler.threshold.max", "2: only a dynamic"},
        Refusal{"class_id: 1 stages { stage: 0 sampler { threshold { kind: "
                "THRESHOLD_KIND_DYNAMIC quantile: 1.5 } } }",
                "stages[0].sampler.threshold.quantile", "1.5 is not in 0..1"},
        Refusal{"class_id: 1 stages { stage: 0 sampler { threshold { kind: "
                "THRESHOLD_KIND_DYNAMIC max: 0.5 } } }",
                "stages[0].sampler.threshold.max", "0.5 is below 1"}));

// Stage 2 of Digits() is told noise levels.
INSTANTIATE_TEST_SUITE_P(
    Schedules, RequestRefusalTest,
    ::testing::Values(
        Refusal{"class_id: 1 stages { stage: 0 sampler { schedule { kind: "
                "SCHEDULE_KIND_LINEAR } } }",
                "stages[0].sampler.schedule",
                "stage 0 (8x8) is told timesteps"},
        Refusal{"class_id: 1 target_stage: 1 stages { sampler { schedule { "
                "kind: SCHEDULE_KIND_LINEAR } } }",
                "stages[0].sampler.schedule", "every stage that runs"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { schedule { } } }",
                "stages[0].sampler.schedule.kind", "0 is not a schedule"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { schedule { kind: "
                "SCHEDULE_KIND_COSINE num_timesteps: 0 } } }",
                "stages[0].sampler.schedule.num_timesteps",
                "0 is not in 1..100000"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { schedule { kind: "
                "SCHEDULE_KIND_COSINE num_timesteps: 19 } } }",
                "stages[0].sampler.steps",
                "unset, and the default of stage 2 (32x32), 20, is above"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { steps: 20 schedule { "
                "kind: SCHEDULE_KIND_COSINE num_timesteps: 19 } } }",
                "stages[0].sampler.steps", "20 is not in 1..19"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { schedule { kind: "
                "SCHEDULE_KIND_LINEAR beta_begin: 0.1 } } }",
                "stages[0].sampler.schedule.beta_end", "unset"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { schedule { kind: "
                "SCHEDULE_KIND_LINEAR beta_begin: 0 beta_end: 0.1 } } }",
                "stages[0].sampler.schedule.beta_begin",
                "0 is not between 0 and 1"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { schedule { kind: "
                "SCHEDULE_KIND_LINEAR beta_begin: 0.2 beta_end: 0.1 } } }",
                "stages[0].sampler.schedule.beta_end",
                "0.1 is not between beta_begin (0.2) and 1"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { schedule { kind: "
                "SCHEDULE_KIND_COSINE beta_begin: 0.1 beta_end: 0.2 } } }",
                "stages[0].sampler.schedule.beta_begin",
                "0.1: only a linear schedule takes betas"},
        Refusal{"class_id: 1 stages { stage: 2 sampler { schedule { kind: "
                "SCHEDULE_KIND_TRAINED num_timesteps: 10 } } }",
                "stages[0].sampler.schedule", "takes no timesteps"}));

INSTANTIATE_TEST_SUITE_P(
    Output, RequestRefusalTest,
    ::testing::Values(
        Refusal{"class_id: 1 output { format: 9 }", "output.format",
                "9 is not an image format"},
        Refusal{"class_id: 1 output { format: IMAGE_FORMAT_JPEG quality: 0 }",
                "output.quality", "0 is not in 1..100"},
        Refusal{"class_id: 1 output { quality: 50 }", "output.quality",
                "only JPEG and WebP"},
        Refusal{"class_id: 1 output { preview_every_steps: -1 }",
                "output.preview_every_steps", "-1"},
        Refusal{"class_id: 1 output { stages: 3 }", "output.stages[0]",
                "3 is not in 0..2"},
        Refusal{"class_id: 1 target_stage: 0 output { stages: 0 stages: 1 }",
                "output.stages[1]", "1 is not in 0..0"}));

INSTANTIATE_TEST_SUITE_P(
    Truncation, RequestRefusalTest,
    ::testing::Values(
        Refusal{"class_id: 1 stages { stage: 0 augmentation { mode: "
                "AUGMENTATION_MODE_TRUNCATED } }",
                "stages[0].augmentation", "stage 0 (8x8) was not trained"},
        Refusal{"class_id: 1 target_stage: 0 stages { augmentation { mode: "
                "AUGMENTATION_MODE_TRUNCATED } }",
                "stages[0].augmentation", "no stage that runs was trained"}));

// Truncation needs the lower stage's process to be the augmentation schedule.
std::string TruncationRefusal(const CascadeSpec& cascade,
                              const std::string& request) {
  const auto converted = Convert(Parse(request), cascade);
  EXPECT_EQ(converted.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(converted.status().message());
}

TEST(RequestConversionTest, TruncationIsRefusedWithItsReason) {
  const std::string own =
      "class_id: 1 stages { stage: 1 augmentation { level: 0.2 mode: "
      "AUGMENTATION_MODE_TRUNCATED } }";
  CascadeSpec cascade = Digits();
  cascade.stages[0].diffusion.schedule = ScheduleKind::kLinear;
  EXPECT_THAT(TruncationRefusal(cascade, own),
              HasSubstr("stages[0].augmentation.mode: truncated: the "
                        "augmentation schedule of stage 1 (16x16) (cosine, "
                        "1000 timesteps) is not the process of stage 0 (8x8) "
                        "(linear, 1000 timesteps)"));
  cascade = Digits();
  cascade.stages[0].diffusion.num_timesteps = 500;
  EXPECT_THAT(TruncationRefusal(cascade, own), HasSubstr("500 timesteps"));
  cascade = Digits();
  cascade.stages[1].handover = Handover::kUint8;
  EXPECT_THAT(TruncationRefusal(cascade, own), HasSubstr("of 8 bits"));
  cascade = Digits();
  cascade.stages[0].default_sampler.schedule = {.num_timesteps = 100};
  EXPECT_THAT(TruncationRefusal(cascade, own),
              HasSubstr("stage 0 (8x8) is to run another schedule"));
  cascade = Digits();
  cascade.stages[1].augmentation.max_level = 1;
  EXPECT_THAT(
      TruncationRefusal(cascade,
                        "class_id: 1 stages { stage: 1 augmentation { level: 1 "
                        "mode: AUGMENTATION_MODE_TRUNCATED } }"),
      HasSubstr("stages[0].augmentation.level: 1: truncated, it leaves stage 0 "
                "(8x8) nothing to do"));
}

TEST(RequestConversionTest, TruncationForEveryStageMeansThoseThatCan) {
  CascadeSpec cascade = Digits();
  cascade.stages[2].augmentation.schedule = ScheduleKind::kLinear;
  const auto request =
      Convert(Parse("class_id: 1 stages { augmentation { mode: "
                    "AUGMENTATION_MODE_TRUNCATED } }"),
              cascade);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->stages[0].augmentation_mode,
            AugmentationMode::kNonTruncated);
  EXPECT_EQ(request->stages[1].augmentation_mode, AugmentationMode::kTruncated);
  EXPECT_EQ(request->stages[1].augmentation_level, 0.1);
  EXPECT_EQ(request->stages[2].augmentation_mode,
            AugmentationMode::kNonTruncated);
  cascade.stages[1].augmentation.schedule = ScheduleKind::kLinear;
  EXPECT_THAT(TruncationRefusal(cascade,
                                "class_id: 1 stages { augmentation { mode: "
                                "AUGMENTATION_MODE_TRUNCATED } }"),
              HasSubstr("truncated: no stage that runs can: the augmentation "
                        "schedule of stage 1"));
}

TEST(RequestConversionTest, ThePackageMayTruncateByDefault) {
  CascadeSpec cascade = Digits();
  cascade.stages[1].augmentation.default_mode = AugmentationMode::kTruncated;
  EXPECT_EQ(Convert(Parse("class_id: 1"), cascade)->stages[1].augmentation_mode,
            AugmentationMode::kTruncated);
  EXPECT_EQ(Convert(Parse("class_id: 1 stages { augmentation { mode: "
                          "AUGMENTATION_MODE_NON_TRUNCATED } }"),
                    cascade)
                ->stages[1]
                .augmentation_mode,
            AugmentationMode::kNonTruncated);
}

TEST(RequestConversionTest, WhatIsTheDefaultAnywayIsHonoured) {
  const auto request = Convert(
      Parse("class_id: 1 priority: PRIORITY_STANDARD deadline_policy: "
            "DEADLINE_POLICY_STRICT stages { stage: 1 augmentation { mode: "
            "AUGMENTATION_MODE_NON_TRUNCATED } }"));
  EXPECT_TRUE(request.ok()) << request.status();
}

TEST(RequestConversionTest, NamesEveryWrongFieldAtOnce) {
  const auto request = Convert(Parse(
      "class_id: 99 image_count: 0 stages { sampler { steps: 0 eta: 2 } }"));
  std::vector<std::string> fields;
  for (const FieldViolation& violation : FieldViolations(request.status())) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields,
              ElementsAre("class_id", "image_count", "stages[0].sampler.steps",
                          "stages[0].sampler.eta"));
}

TEST(RequestConversionTest, RefusesFieldsOfALaterVersion) {
  v1::GenerateImageRequest request = Parse("class_id: 1 stages { stage: 0 }");
  v1::StageOptions& stage = *request.mutable_stages(0);
  stage.GetReflection()->MutableUnknownFields(&stage)->AddVarint(99, 1);
  const auto converted = Convert(request);
  ASSERT_EQ(converted.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(FieldViolations(converted.status())[0].field, "stages[0].99");
}

TEST(RequestConversionTest, BoundsWhatAnErrorSays) {
  v1::GenerateImageRequest request = Parse("class_id: 1");
  request.set_class_name(std::string(1 << 20, 'x'));
  const auto converted = Convert(request);
  EXPECT_LT(converted.status().message().size(), 4096u);
}

TEST(RequestConversionTest, ListsHaveAnEntryForEachStageAtMost) {
  v1::GenerateImageRequest request = Parse("class_id: 1");
  for (int i = 0; i < 3; ++i) request.mutable_output()->add_stages(i);
  for (int i = 0; i < 3; ++i) request.add_stages()->set_stage(i);
  request.add_stages();  // For every stage.
  EXPECT_TRUE(Convert(request).ok()) << Convert(request).status();
  request.mutable_output()->add_stages(0);
  request.add_stages();
  const auto violations = FieldViolations(Convert(request).status());
  ASSERT_EQ(violations.size(), 2u);
  EXPECT_EQ(violations[0].field, "stages");
  EXPECT_EQ(violations[0].description, "5 entries: at most 4");
  EXPECT_EQ(violations[1].field, "output.stages");
  EXPECT_EQ(violations[1].description, "4 entries: at most 3");
}

TEST(RequestConversionTest, AClassForAnUnconditionalCascadeIsRefused) {
  for (const char* choice : {"class_id: 1", "class_name: 'digit1'"}) {
    const auto request = Convert(Parse(choice), Unconditional());
    ASSERT_FALSE(request.ok());
    EXPECT_THAT(std::string(request.status().message()),
                HasSubstr("cascade 'digits' is unconditional and has no "
                          "classes"));
  }
}

}  // namespace
}  // namespace cascade
