#include "client/upscale_request.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <string>

namespace cascade {
namespace {

// Every field that both requests have, with another name for the class.
std::string Fields(const std::string& class_choice) {
  return class_choice +
         " seed: 5 image_count: 3 target_stage: 2 stages { stage: 1 sampler { "
         "steps: 7 } } output { quality: 50 stages: 2 } time_budget { seconds: "
         "2 } deadline_policy: DEADLINE_POLICY_BEST_EFFORT priority: "
         "PRIORITY_BATCH return_stage_state: true";
}

template <typename Request>
Request Parse(const std::string& text) {
  Request request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request));
  return request;
}

v1::Cascade Cascade(int num_stages) {
  v1::Cascade cascade;
  for (int k = 0; k < num_stages; ++k) cascade.add_stages();
  return cascade;
}

TEST(UpscaleRequestTest, TakesOverEveryFieldThatBothRequestsHave) {
  for (const char* class_choice :
       {"", "class_id: 0", "class_name: 'x'", "unconditional: true"}) {
    v1::UpscaleImageRequest request;
    SetFields(Parse<v1::GenerateImageRequest>(Fields(class_choice)), request);
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(
        request, Parse<v1::UpscaleImageRequest>(Fields(class_choice))))
        << request.DebugString();
  }
}

TEST(UpscaleRequestTest, LeavesCascadeAndSource) {
  auto request = Parse<v1::UpscaleImageRequest>(
      "cascade: 'digits' image { first_stage: 2 }");
  SetFields({}, request);
  EXPECT_EQ(request.cascade(), "digits");
  EXPECT_EQ(FirstStage(request, Cascade(3)), 2);
}

TEST(UpscaleRequestTest, TheFirstStageFollowsTheStates) {
  EXPECT_EQ(FirstStage(Parse<v1::UpscaleImageRequest>("state { stage: 1 }"),
                       Cascade(3)),
            2);
  EXPECT_EQ(FirstStage(Parse<v1::UpscaleImageRequest>("image { }"), Cascade(3)),
            1);
}

TEST(UpscaleRequestTest, TheFirstStageIsWithinTheCascade) {
  const auto first_stage = [](const std::string& text) {
    return FirstStage(Parse<v1::UpscaleImageRequest>(text), Cascade(3));
  };
  EXPECT_EQ(first_stage("state { stage: 2147483647 }"), 3);
  EXPECT_EQ(first_stage("state { stage: -2147483648 }"), 0);
  EXPECT_EQ(first_stage("image { first_stage: 2147483647 }"), 3);
  EXPECT_EQ(first_stage("image { first_stage: -2147483648 }"), 0);
}

}  // namespace
}  // namespace cascade
