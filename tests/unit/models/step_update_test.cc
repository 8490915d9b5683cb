#include "models/runtime/step_update.h"

#include <gtest/gtest.h>

#include <algorithm>
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
  element.line.threshold.kind = ThresholdKind::kNone;
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

// x0 is x itself, and so is x_next.
struct Ramp {
  explicit Ramp(ThresholdOptions threshold, float last = 1) {
    line.threshold = threshold;
    for (size_t i = 0; i < x.size(); ++i) {
      // Of both signs, in an order that is not sorted.
      const float value = last * static_cast<float>((i * 5) % 1001) / 1000;
      x[i] = i % 2 == 0 ? value : -value;
    }
  }
  bool Update() {
    StepUpdate update;
    update.line = &line;
    update.size = x.size();
    update.x = x.data();
    update.output = output.data();
    update.x0 = x0.data();
    update.x_next = x_next.data();
    return UpdateImage(update);
  }

  SamplerLine line = Line(1, 0, 0, 1);
  std::vector<float> x = std::vector<float>(1001);
  std::vector<float> output = std::vector<float>(1001);
  std::vector<float> x0 = std::vector<float>(1001);
  std::vector<float> x_next = std::vector<float>(1001);
};

// |x0| is even on [0, last], so that its quantile is p times `last`.
TEST(StepUpdateTest, DynamicThresholdDividesByTheQuantile) {
  Ramp ramp({.kind = ThresholdKind::kDynamic, .quantile = 0.7501}, 4);
  ASSERT_TRUE(ramp.Update());
  for (size_t i = 0; i < ramp.x.size(); ++i) {
    EXPECT_NEAR(ramp.x0[i], std::clamp(ramp.x[i] / (0.7501 * 4), -1.0, 1.0),
                1e-6);
  }
  EXPECT_EQ(ramp.x_next, ramp.x0);
}

TEST(StepUpdateTest, DynamicThresholdStaysBetweenOneAndItsMaximum) {
  Ramp small({.kind = ThresholdKind::kDynamic, .quantile = 0.5}, 1.5);
  ASSERT_TRUE(small.Update());
  Ramp clipped({.kind = ThresholdKind::kStatic}, 1.5);
  ASSERT_TRUE(clipped.Update());
  EXPECT_EQ(small.x0, clipped.x0);
  Ramp large({.kind = ThresholdKind::kDynamic, .quantile = 1, .max = 2}, 4);
  ASSERT_TRUE(large.Update());
  for (size_t i = 0; i < large.x.size(); ++i) {
    EXPECT_FLOAT_EQ(large.x0[i], std::clamp(large.x[i], -2.0f, 2.0f) / 2);
  }
}

TEST(StepUpdateTest, DynamicThresholdReportsWhatIsNotFinite) {
  for (float bad : {std::numeric_limits<float>::infinity(),
                    std::numeric_limits<float>::quiet_NaN()}) {
    Ramp ramp({.kind = ThresholdKind::kDynamic});
    ramp.x[500] = bad;
    EXPECT_FALSE(ramp.Update());
  }
}

TEST(StepUpdateTest, QuantilesLieBetweenNeighbours) {
  const std::vector<float> values = {4, 0, 3, 1};
  const auto quantile = [&](double fraction) {
    std::vector<float> copy = values;
    return Quantile(copy, fraction);
  };
  EXPECT_EQ(quantile(0), 0);
  EXPECT_EQ(quantile(1), 4);
  EXPECT_EQ(quantile(0.5), 2);
  EXPECT_DOUBLE_EQ(quantile(0.9), 3.7);
  std::vector<float> one = {5};
  EXPECT_EQ(Quantile(one, 0.995), 5);
}

TEST(StepUpdateTest, PixelsAreRoundedClampedAndInterleaved) {
  const std::vector<float> image = {-1, 1, 0, -7, 7, 0.5f};  // Three planes.
  std::vector<uint8_t> pixels(6);
  ToPixels(image.data(), 3, 2, pixels);
  EXPECT_EQ(pixels, (std::vector<uint8_t>{0, 128, 255, 255, 0, 191}));
}

}  // namespace
}  // namespace cascade
