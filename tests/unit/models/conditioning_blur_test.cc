#include "models/training/conditioning_blur.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace cascade {
namespace {

TEST(BlurWeightsTest, AreTheGaussianAtThreePixels) {
  for (double sigma : {0.3, 0.4, 0.6, 1.0, 5.0}) {
    const auto [centre, side] = BlurWeights(sigma);
    EXPECT_DOUBLE_EQ(centre + 2 * side, 1);
    EXPECT_NEAR(side / centre, std::exp(-1 / (2 * sigma * sigma)), 1e-15);
  }
  // A very wide Gaussian is the mean of three pixels.
  EXPECT_NEAR(BlurWeights(1000)[1], 1.0 / 3, 1e-6);
  EXPECT_EQ(BlurWeights(0)[0], 1);
  EXPECT_EQ(BlurWeights(0)[1], 0);
}

TEST(BlurImagesTest, AnImpulseBecomesTheKernel) {
  at::Tensor impulse = at::zeros({1, 1, 5, 7});
  impulse[0][0][2][3] = 1;
  const double sigma = 0.5;
  const at::Tensor blurred = BlurImages(impulse, {sigma});
  double sum = 0;
  for (int i = -1; i <= 1; ++i) {
    for (int j = -1; j <= 1; ++j) {
      sum += std::exp(-(i * i + j * j) / (2 * sigma * sigma));
    }
  }
  for (int y = 0; y < 5; ++y) {
    for (int x = 0; x < 7; ++x) {
      const int i = y - 2;
      const int j = x - 3;
      const bool inside = std::abs(i) <= 1 && std::abs(j) <= 1;
      EXPECT_NEAR(
          blurred[0][0][y][x].item<double>(),
          inside ? std::exp(-(i * i + j * j) / (2 * sigma * sigma)) / sum : 0,
          1e-7)
          << y << ", " << x;
    }
  }
}

TEST(BlurImagesTest, EachImageHasItsSigmaAndFlatOnesStay) {
  at::Tensor images = at::randn({3, 2, 4, 4});
  images[2].fill_(0.25);
  const at::Tensor blurred = BlurImages(images, {0, 0.6, 2.0});
  EXPECT_TRUE(blurred[0].equal(images[0]));  // Bit for bit.
  EXPECT_TRUE(blurred[1].equal(BlurImages(images.narrow(0, 1, 1), {0.6})[0]));
  EXPECT_LT(blurred[1].std().item<double>(), images[1].std().item<double>());
  // Weights that sum to one, at the border too.
  EXPECT_LT((blurred[2] - images[2]).abs().max().item<double>(), 1e-7);
}

// The share of images that are blurred is binomial, and their sigma even.
TEST(DrawBlurSigmasTest, ShareAndRangeAreThoseAskedFor) {
  const ConditioningBlur blur{.share = 0.3, .min_sigma = 0.4, .max_sigma = 0.6};
  const int count = 100000;
  const std::vector<double> sigmas = DrawBlurSigmas(blur, count, 7, 1, 3);
  double blurred = 0;
  double sum = 0;
  double squares = 0;
  for (double sigma : sigmas) {
    if (sigma == 0) continue;
    EXPECT_GE(sigma, 0.4);
    EXPECT_LT(sigma, 0.6);
    ++blurred;
    sum += sigma;
    squares += sigma * sigma;
  }
  EXPECT_NEAR(blurred / count, 0.3, 5 * std::sqrt(0.3 * 0.7 / count));
  const double mean = sum / blurred;
  EXPECT_NEAR(mean, 0.5, 5 * (0.2 / std::sqrt(12 * blurred)));
  EXPECT_NEAR(squares / blurred - mean * mean, 0.2 * 0.2 / 12, 1e-4);
}

TEST(DrawBlurSigmasTest, AreFunctionsOfSeedStageAndStep) {
  const ConditioningBlur blur{.share = 0.5};
  const std::vector<double> sigmas = DrawBlurSigmas(blur, 64, 7, 1, 3);
  EXPECT_EQ(DrawBlurSigmas(blur, 64, 7, 1, 3), sigmas);
  EXPECT_NE(DrawBlurSigmas(blur, 64, 8, 1, 3), sigmas);
  EXPECT_NE(DrawBlurSigmas(blur, 64, 7, 2, 3), sigmas);
  EXPECT_NE(DrawBlurSigmas(blur, 64, 7, 1, 4), sigmas);
  const auto blurred = [](const std::vector<double>& values) {
    return std::count_if(values.begin(), values.end(),
                         [](double sigma) { return sigma > 0; });
  };
  EXPECT_EQ(blurred(DrawBlurSigmas({.share = 0}, 64, 7, 1, 3)), 0);
  EXPECT_EQ(blurred(DrawBlurSigmas({.share = 1}, 64, 7, 1, 3)), 64);
}

}  // namespace
}  // namespace cascade
