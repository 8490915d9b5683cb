#include "models/runtime/step_update.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace cascade {
namespace {

// One element and everything around it.
struct Element {
  SamplerLine line;
  double guidance_scale = 1;
  bool learned_variance = false;
  float x = 0.5f;
  std::vector<float> output = {0.25f, 0};
  float unconditional_output = 0;
  float noise = 2;
  std::vector<float> history = {0, 0.1f, 0.2f, 0.3f};

  float x0 = 0;
  float x_next = 0;
  bool finite = false;

  void Update() {
    StepUpdate update;
    update.line = &line;
    update.guidance_scale = guidance_scale;
    update.learned_variance = learned_variance;
    update.size = 1;
    update.x = &x;
    update.output = output.data();
    update.unconditional_output = &unconditional_output;
    for (size_t k = 1; k < kHistoryLength; ++k) {
      update.history[k] = &history[k];
    }
    update.noise = &noise;
    update.x0 = &x0;
    update.x_next = &x_next;
    finite = UpdateImage(update);
  }
};

SamplerLine Line(double c_x, double c_out, double a, double b) {
  SamplerLine line;
  line.c_x = c_x;
  line.c_out = c_out;
  line.a = a;
  line.b[0] = b;
  return line;
}

TEST(StepUpdateTest, CombinesXOutputAndEstimate) {
  Element element;
  element.line = Line(1.25, -0.5, 0.75, 0.5);
  element.Update();
  EXPECT_TRUE(element.finite);
  EXPECT_FLOAT_EQ(element.x0, 1.25f * 0.5f - 0.5f * 0.25f);
  EXPECT_FLOAT_EQ(element.x_next, 0.75f * 0.5f + 0.5f * 0.5f);
}

TEST(StepUpdateTest, TakesTheOutputItselfWhereXHasNoPart) {
  Element element;
  element.line = Line(0, 1, 0, 1);
  element.Update();
  EXPECT_EQ(element.x0, 0.25f);
  EXPECT_EQ(element.x_next, 0.25f);
}

TEST(StepUpdateTest, ClipsTheEstimateWhereTheLineSaysSo) {
  Element element;
  element.line = Line(8, 0, 0, 1);
  element.Update();
  EXPECT_EQ(element.x0, 1);
  EXPECT_EQ(element.x_next, 1);
  element.line.clip = false;
  element.Update();
  EXPECT_EQ(element.x_next, 4);
}

TEST(StepUpdateTest, GuidanceCombinesRawOutputs) {
  Element element;
  element.line = Line(0, 1, 0, 1);
  element.unconditional_output = 0.125f;
  element.guidance_scale = 3;
  element.Update();
  EXPECT_EQ(element.x0, 0.25f) << "the line is not guided";
  element.line.guided = true;
  element.Update();
  EXPECT_EQ(element.x0, 0.125f + 3 * (0.25f - 0.125f));
}

TEST(StepUpdateTest, ReadsHistoryByItsWeights) {
  Element element;
  element.line = Line(0, 0, 0, 0);
  element.line.b = {0, 1, 2, 4};
  element.Update();
  EXPECT_FLOAT_EQ(element.x_next, 0.1f + 2 * 0.2f + 4 * 0.3f);
}

TEST(StepUpdateTest, AddsNoiseOfTheLinesVariance) {
  Element element;
  element.line = Line(0, 0, 0, 0);
  element.line.min_log_variance = element.line.max_log_variance =
      2 * std::log(0.5);
  element.Update();
  EXPECT_EQ(element.x_next, 0);
  element.line.adds_noise = true;
  element.Update();
  EXPECT_FLOAT_EQ(element.x_next, 0.5f * 2);
}

TEST(StepUpdateTest, LearnedVarianceMovesBetweenItsBounds) {
  Element element;
  element.line = Line(0, 0, 0, 0);
  element.line.adds_noise = true;
  element.line.min_log_variance = 2 * std::log(0.25);
  element.line.max_log_variance = 2 * std::log(0.5);
  element.learned_variance = true;
  const auto deviation = [&](float v) {
    element.output[1] = v;
    element.Update();
    return element.x_next / 2;
  };
  EXPECT_FLOAT_EQ(deviation(-1), 0.25f);
  EXPECT_FLOAT_EQ(deviation(1), 0.5f);
  EXPECT_FLOAT_EQ(deviation(0), std::sqrt(0.25f * 0.5f));
}

TEST(StepUpdateTest, ReportsWhatIsNotFinite) {
  for (float bad : {std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity(),
                    std::numeric_limits<float>::quiet_NaN()}) {
    Element element;
    element.line = Line(1, 1, 0, 1);
    element.output[0] = bad;
    element.Update();
    EXPECT_FALSE(element.finite) << bad << " is hidden by the clip";
  }
}

// A double holds it, the image does not.
TEST(StepUpdateTest, ReportsWhatAFloatCannotHold) {
  Element element;
  element.line = Line(1, 0, 1e30, 0);
  element.x = 1e10f;
  element.Update();
  EXPECT_FALSE(element.finite);
}

TEST(StepUpdateTest, LargeImagesAreUpdatedToTheLastElement) {
  constexpr size_t kSize = 1000;
  const SamplerLine line = Line(1, 0, 2, 0);
  const std::vector<float> x(kSize, 0.5f);
  const std::vector<float> output(kSize, 0);
  std::vector<float> x0(kSize);
  std::vector<float> x_next(kSize);
  StepUpdate update;
  update.line = &line;
  update.size = kSize;
  update.x = x.data();
  update.output = output.data();
  update.x0 = x0.data();
  update.x_next = x_next.data();
  EXPECT_TRUE(UpdateImage(update));
  EXPECT_EQ(x0, std::vector<float>(kSize, 0.5f));
  EXPECT_EQ(x_next, std::vector<float>(kSize, 1));
}

TEST(StepUpdateTest, PixelsAreRoundedClampedAndInterleaved) {
  const std::vector<float> image = {-1, 1, 0, -7, 7, 0.5f};  // Three planes.
  std::vector<uint8_t> pixels(6);
  ToPixels(image.data(), 3, 2, pixels);
  EXPECT_EQ(pixels, (std::vector<uint8_t>{0, 128, 255, 255, 0, 191}));
}

}  // namespace
}  // namespace cascade
