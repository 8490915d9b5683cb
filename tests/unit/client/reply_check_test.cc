#include "client/reply_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace cascade {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::GenerateImageRequest Request() {
  v1::GenerateImageRequest request;
  request.set_seed(42);
  return request;
}

v1::GenerateImageResponse Queued(uint64_t seed = 42) {
  v1::GenerateImageResponse response;
  response.mutable_queued()->set_seed(seed);
  return response;
}

v1::GenerateImageResponse Started(int stage) {
  v1::GenerateImageResponse response;
  response.mutable_stage_started()->set_stage(stage);
  response.mutable_stage_started()->set_image_seed(42);
  response.mutable_stage_started()->set_num_steps(4);
  return response;
}

void SetPixels(v1::Image& image) {
  image.set_format(v1::IMAGE_FORMAT_RAW);
  image.set_width(2);
  image.set_height(1);
  image.set_channels(1);
  image.set_data("ab");
}

v1::GenerateImageResponse Preview(int stage, int steps_done) {
  v1::GenerateImageResponse response;
  v1::Preview& preview = *response.mutable_preview();
  preview.set_stage(stage);
  preview.set_image_seed(42);
  preview.set_steps_done(steps_done);
  preview.set_num_steps(4);
  SetPixels(*preview.mutable_image());
  return response;
}

v1::GenerateImageResponse StageImage(int stage) {
  v1::GenerateImageResponse response;
  v1::StageImage& image = *response.mutable_stage_image();
  image.set_stage(stage);
  image.set_image_seed(42);
  SetPixels(*image.mutable_image());
  return response;
}

v1::GenerateImageResponse Finished(int target_stage) {
  v1::GenerateImageResponse response;
  response.mutable_finished()->mutable_record()->set_target_stage(target_stage);
  response.mutable_finished()->mutable_record()->add_image_seeds(42);
  return response;
}

std::vector<std::string> Check(
    const std::vector<v1::GenerateImageResponse>& events) {
  ReplyCheck check(Request());
  for (const auto& event : events) check.Add(event);
  return check.Problems(/*ended=*/true);
}

TEST(ReplyCheckTest, AcceptsWhatTheApiPromises) {
  EXPECT_THAT(Check({Queued(), Started(0), Preview(0, 1), Preview(0, 3),
                     StageImage(0), Started(1), StageImage(1), Finished(1)}),
              IsEmpty());
}

TEST(ReplyCheckTest, AStageWhoseImageWasNotAskedForIsFine) {
  EXPECT_THAT(
      Check({Queued(), Started(0), Started(1), StageImage(1), Finished(1)}),
      IsEmpty());
}

TEST(ReplyCheckTest, WhenTheTimeIsUpAnImageMayBeBeyondWhatAllHave) {
  v1::GenerateImageResponse finished = Finished(0);
  const auto check = [&finished] {
    return Check({Queued(), Started(0), StageImage(0), Started(1), finished});
  };
  EXPECT_THAT(check(), Contains(HasSubstr("image 0 is missing")));
  finished.mutable_finished()->mutable_record()->set_reduced_for_deadline(true);
  EXPECT_THAT(check(), IsEmpty());
}

TEST(ReplyCheckTest, FindsWhatIsWrong) {
  EXPECT_THAT(Check({Started(0), StageImage(0), Finished(0)}),
              Contains(HasSubstr("first event")));
  EXPECT_THAT(Check({Queued(7)}), Contains(HasSubstr("seed 7")));
  EXPECT_THAT(Check({Queued(), Started(1)}),
              Contains(HasSubstr("enters stage 1")));
  EXPECT_THAT(Check({Queued(), Started(0), Preview(0, 2), Preview(0, 2)}),
              Contains(HasSubstr("out of order")));
  EXPECT_THAT(Check({Queued(), Started(0), StageImage(0), StageImage(0)}),
              Contains(HasSubstr("out of order")));
  EXPECT_THAT(Check({Queued(), Started(0), Finished(0)}),
              Contains(HasSubstr("image 0 is missing")));
  EXPECT_THAT(Check({Queued(), Started(0), StageImage(0)}),
              Contains(HasSubstr("`finished` is missing")));
}

// The image of `stage` with a state that it returned, of `stage_in_state`.
v1::GenerateImageResponse WithState(int stage, int stage_in_state) {
  v1::GenerateImageResponse response = StageImage(stage);
  v1::StageState& state = *response.mutable_stage_image()->mutable_state();
  state.set_stage(stage_in_state);
  state.set_image_seed(42);
  state.set_resolution(2);
  state.set_channels(1);
  state.set_values(std::string(16, '\0'));
  return response;
}

template <typename Request>
std::vector<std::string> CheckReply(
    const Request& request,
    const std::vector<v1::GenerateImageResponse>& events) {
  ReplyCheck check(request);
  for (const auto& event : events) check.Add(event);
  return check.Problems(/*ended=*/true);
}

TEST(ReplyCheckTest, KnowsTheStatesThatWereAskedFor) {
  v1::GenerateImageRequest request = Request();
  request.set_return_stage_state(true);
  EXPECT_THAT(
      CheckReply(request, {Queued(), Started(0), WithState(0, 0), Finished(0)}),
      IsEmpty());
  EXPECT_THAT(
      CheckReply(request, {Queued(), Started(0), StageImage(0), Finished(0)}),
      Contains(HasSubstr("state of image 0 is missing")));
  EXPECT_THAT(
      CheckReply(request, {Queued(), Started(0), WithState(0, 1), Finished(0)}),
      Contains(HasSubstr("in stage 1")));
  EXPECT_THAT(Check({Queued(), Started(0), WithState(0, 0), Finished(0)}),
              Contains(HasSubstr("not asked for")));
  v1::GenerateImageResponse cut = WithState(0, 0);
  cut.mutable_stage_image()->mutable_state()->set_values("abc");
  EXPECT_THAT(CheckReply(request, {Queued(), Started(0), cut, Finished(0)}),
              Contains(HasSubstr("3 bytes")));
}

TEST(ReplyCheckTest, AnUpscaledStateGoesOnWhereItStopped) {
  v1::UpscaleImageRequest request;
  request.mutable_state()->set_stage(0);
  request.mutable_state()->set_image_seed(42);
  EXPECT_THAT(
      CheckReply(request, {Queued(), Started(1), StageImage(1), Finished(1)}),
      IsEmpty());
  EXPECT_THAT(CheckReply(request, {Queued(), Started(0)}),
              Contains(HasSubstr("enters stage 0 where 1 is the next")));
  EXPECT_THAT(CheckReply(request, {Queued(7)}), Contains(HasSubstr("seed 7")));
}

TEST(ReplyCheckTest, AnUpscaledImageMayEnterAnywhere) {
  v1::UpscaleImageRequest request;
  request.mutable_image();
  EXPECT_THAT(
      CheckReply(request, {Queued(), Started(2), StageImage(2), Finished(2)}),
      IsEmpty());
  request.mutable_image()->set_first_stage(1);
  EXPECT_THAT(CheckReply(request, {Queued(), Started(2)}),
              Contains(HasSubstr("enters stage 2")));
}

TEST(ReplyCheckTest, CostsNothingForImagesThatAreRefused) {
  v1::GenerateImageRequest request = Request();
  request.set_image_count(std::numeric_limits<int>::max());
  EXPECT_THAT(ReplyCheck(request).Problems(/*ended=*/false), IsEmpty());
}

TEST(ReplyCheckTest, FindsBytesThatDoNotBelongToTheSize) {
  v1::GenerateImageResponse image = StageImage(0);
  image.mutable_stage_image()->mutable_image()->set_data("abc");
  EXPECT_THAT(Check({Queued(), Started(0), image, Finished(0)}),
              Contains(HasSubstr("3 bytes")));
}

}  // namespace
}  // namespace cascade
