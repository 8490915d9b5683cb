#include "client/request_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cascade {
namespace {

using ::testing::HasSubstr;

v1::Cascade Digits() {
  v1::Cascade cascade;
  cascade.set_name("digits");
  cascade.set_num_classes(3);
  for (const char* name : {"zero", "1", "two"}) cascade.add_class_names(name);
  for (int k = 0; k < 3; ++k) cascade.add_stages()->set_index(k);
  return cascade;
}

RequestFlags Flags() {
  RequestFlags flags;
  flags.cascade = "digits";
  return flags;
}

TEST(RequestFlagsTest, LeavesUnsetWhatWasNotAskedFor) {
  const auto request = Flags().ToRequest(Digits());
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->cascade(), "digits");
  EXPECT_FALSE(request->has_seed());
  EXPECT_FALSE(request->has_image_count());
  EXPECT_EQ(request->stages_size(), 0);
}

TEST(RequestFlagsTest, AClassIsANameOrAnId) {
  RequestFlags flags = Flags();
  flags.class_choice = "two";
  EXPECT_EQ(flags.ToRequest(Digits())->class_name(), "two");
  flags.class_choice = "1";  // A name here, and it is the name that counts.
  EXPECT_EQ(flags.ToRequest(Digits())->class_name(), "1");
  flags.class_choice = "2";
  EXPECT_EQ(flags.ToRequest(Digits())->class_id(), 2);
  flags.class_choice = "none";
  EXPECT_TRUE(flags.ToRequest(Digits())->unconditional());
  flags.class_choice = "unknown";
  EXPECT_EQ(flags.ToRequest(Digits())->class_name(), "unknown");
}

TEST(RequestFlagsTest, OneValueIsForEveryStage) {
  RequestFlags flags = Flags();
  flags.steps = "20";
  flags.samplers = "ddpm";
  const auto request = flags.ToRequest(Digits());
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->stages_size(), 1);
  EXPECT_FALSE(request->stages(0).has_stage());
  EXPECT_EQ(request->stages(0).sampler().steps(), 20);
  EXPECT_EQ(request->stages(0).sampler().kind(), v1::SAMPLER_KIND_DDPM);
}

TEST(RequestFlagsTest, AListHasAValueForEachStage) {
  RequestFlags flags = Flags();
  flags.steps = "20,,5";
  const auto request = flags.ToRequest(Digits());
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->stages_size(), 2);
  EXPECT_EQ(request->stages(0).stage(), 0);
  EXPECT_EQ(request->stages(0).sampler().steps(), 20);
  EXPECT_EQ(request->stages(1).stage(), 2);
  EXPECT_EQ(request->stages(1).sampler().steps(), 5);
}

TEST(RequestFlagsTest, KnowsTheSamplers) {
  RequestFlags flags = Flags();
  flags.samplers = "heun,consistency,unipc-3";
  const auto request = flags.ToRequest(Digits());
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->stages_size(), 3);
  EXPECT_EQ(request->stages(0).sampler().kind(), v1::SAMPLER_KIND_HEUN);
  EXPECT_EQ(request->stages(1).sampler().kind(), v1::SAMPLER_KIND_CONSISTENCY);
  EXPECT_EQ(request->stages(2).sampler().kind(), v1::SAMPLER_KIND_UNIPC_3);
}

TEST(RequestFlagsTest, AListCountsTheStagesThatRun) {
  RequestFlags flags = Flags();
  flags.target_stage = 1;
  flags.guidance = "2,3";
  EXPECT_TRUE(flags.ToRequest(Digits()).ok());
  flags.guidance = "2,3,4";
  EXPECT_THAT(std::string(flags.ToRequest(Digits()).status().message()),
              HasSubstr("--guidance 2,3,4"));
}

TEST(RequestFlagsTest, AListCountsFromTheFirstStageThatRuns) {
  RequestFlags flags = Flags();
  flags.steps = "7,9";
  const auto request = flags.ToRequest(Digits(), /*first_stage=*/1);
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->stages_size(), 2);
  EXPECT_EQ(request->stages(0).stage(), 1);
  EXPECT_EQ(request->stages(0).sampler().steps(), 7);
  EXPECT_EQ(request->stages(1).stage(), 2);
}

TEST(RequestFlagsTest, ThresholdsAndSchedulesAreWrittenWithColons) {
  RequestFlags flags = Flags();
  flags.thresholds = "none,dynamic:0.9,Dynamic:0.95:1.5";
  flags.schedules = ",cosine:20,linear:10:0.1:0.5";
  const auto request = flags.ToRequest(Digits());
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->stages_size(), 3);
  const auto sampler = [&](int k) { return request->stages(k).sampler(); };
  EXPECT_EQ(sampler(0).threshold().kind(), v1::THRESHOLD_KIND_NONE);
  EXPECT_FALSE(sampler(0).has_schedule());
  EXPECT_EQ(sampler(1).threshold().kind(), v1::THRESHOLD_KIND_DYNAMIC);
  EXPECT_EQ(sampler(1).threshold().quantile(), 0.9);
  EXPECT_FALSE(sampler(1).threshold().has_max());
  EXPECT_EQ(sampler(1).schedule().kind(), v1::SCHEDULE_KIND_COSINE);
  EXPECT_EQ(sampler(1).schedule().num_timesteps(), 20);
  EXPECT_FALSE(sampler(1).schedule().has_beta_begin());
  EXPECT_EQ(sampler(2).threshold().max(), 1.5);
  EXPECT_EQ(sampler(2).schedule().beta_begin(), 0.1);
  EXPECT_EQ(sampler(2).schedule().beta_end(), 0.5);
  for (const char* wrong : {"soft", "dynamic:x", "dynamic:0.9:1:2"}) {
    flags.thresholds = wrong;
    EXPECT_THAT(std::string(flags.ToRequest(Digits()).status().message()),
                HasSubstr(std::string("--threshold ") + wrong));
  }
  flags.thresholds.clear();
  for (const char* wrong : {"square", "linear:10:0.1", "linear:1.5"}) {
    flags.schedules = wrong;
    EXPECT_THAT(std::string(flags.ToRequest(Digits()).status().message()),
                HasSubstr(std::string("--schedule ") + wrong));
  }
}

TEST(RequestFlagsTest, SaysHowUrgentItIs) {
  RequestFlags flags = Flags();
  flags.priority = "interactive";
  flags.time_budget = "1500ms";
  flags.best_effort = true;
  const auto request = flags.ToRequest(Digits());
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->priority(), v1::PRIORITY_INTERACTIVE);
  EXPECT_EQ(request->time_budget().seconds(), 1);
  EXPECT_EQ(request->time_budget().nanos(), 500'000'000);
  EXPECT_EQ(request->deadline_policy(), v1::DEADLINE_POLICY_BEST_EFFORT);
}

TEST(RequestFlagsTest, NamesTheFlagThatCannotBeRead) {
  const auto message = [](RequestFlags flags) {
    return std::string(flags.ToRequest(Digits()).status().message());
  };
  RequestFlags flags = Flags();
  flags.steps = "many";
  EXPECT_THAT(message(flags), HasSubstr("--steps many"));
  flags = Flags();
  flags.samplers = "euler";
  EXPECT_THAT(message(flags), HasSubstr("--sampler euler"));
  flags = Flags();
  flags.format = "gif";
  EXPECT_THAT(message(flags), HasSubstr("--format gif"));
  flags = Flags();
  flags.stages = "top";
  EXPECT_THAT(message(flags), HasSubstr("--stages top"));
  flags = Flags();
  flags.guidance_interval = "0.5";
  EXPECT_THAT(message(flags), HasSubstr("--guidance-interval 0.5"));
  flags = Flags();
  flags.priority = "urgent";
  EXPECT_THAT(message(flags), HasSubstr("--priority urgent"));
  flags = Flags();
  flags.time_budget = "soon";
  EXPECT_THAT(message(flags), HasSubstr("--time-budget soon"));
}

TEST(RequestFlagsTest, ReadsDurations) {
  EXPECT_EQ(*ParseDurationFlag("--deadline", "1.5"), absl::Milliseconds(1500));
  EXPECT_EQ(*ParseDurationFlag("--deadline", "200ms"), absl::Milliseconds(200));
  EXPECT_FALSE(ParseDurationFlag("--deadline", "0").ok());
  EXPECT_FALSE(ParseDurationFlag("--deadline", "nan").ok());
  EXPECT_FALSE(ParseDurationFlag("--deadline", "soon").ok());
  for (const char* infinite : {"inf", "1e300"}) {
    EXPECT_THAT(
        std::string(
            ParseDurationFlag("--deadline", infinite).status().message()),
        HasSubstr("must be finite"));
  }
}

TEST(RequestFlagsTest, AWrongNameIsToldTheRightOnes) {
  const auto complaint = [](std::string RequestFlags::*flag,
                            const std::string& text) {
    RequestFlags flags = Flags();
    flags.*flag = text;
    return std::string(flags.ToRequest(Digits()).status().message());
  };
  EXPECT_EQ(complaint(&RequestFlags::samplers, "ddim,magic,"),
            "--sampler ddim,magic,: 'magic' is none of ddpm, ddim, dpmpp-2m, "
            "dpm++, unipc-3, heun, consistency");
  EXPECT_EQ(complaint(&RequestFlags::thresholds, "loud"),
            "--threshold loud: 'loud' is none of none, static, dynamic");
  EXPECT_EQ(complaint(&RequestFlags::schedules, "cosine:many"),
            "--schedule cosine:many: 'many' is not a number");
  EXPECT_EQ(complaint(&RequestFlags::augmentation_modes, "half"),
            "--augmentation-mode half: 'half' is none of truncated, "
            "non-truncated");
  // As JSON spells it.
  EXPECT_EQ(complaint(&RequestFlags::augmentation_modes, "non_truncated"), "");
}

}  // namespace
}  // namespace cascade
