#include "models/training/diffusion_loss.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "models/sampling/noise_schedule.h"
#include "models/training/conditioning_blur.h"
#include "tests/unit/models/small_training.h"

namespace cascade {
namespace {

// Of many small operations; threads that share a core would be slower.
class DiffusionLossTest : public testing::Test {
 protected:
  DiffusionLossTest() { at::set_num_threads(1); }
};

// A fresh network says 0, so the loss is the mean square of its target.
TEST_F(DiffusionLossTest, StartsAtTheVarianceOfTheTarget) {
  const std::string images = MakeImageFolder("loss_images", 8);
  const auto set = ReadImageFolder(images, 16, 1);
  ASSERT_TRUE(set.ok());
  TrainConfig config = SmallConfig(images, "");
  config.optimizer.batch_size = 64;
  ExampleSource source(config, *set);
  const ExampleBatch batch = source.Draw(0);
  nn::UNet network(config.stage.network);
  const DiffusionLoss loss(config, at::kCPU);
  const DiffusionLoss::Result result = loss.Compute(network, batch, 0);
  EXPECT_NEAR(result.mean_error.item<double>(), 1.0, 0.05);  // eps
  // The variance's part is there, small and finite.
  const double bound =
      result.loss.item<double>() - result.mean_error.item<double>();
  EXPECT_TRUE(std::isfinite(bound));
  EXPECT_GT(bound, 0);

  TrainConfig sample = config;
  sample.stage.spec.diffusion.prediction = PredictionType::kSample;
  const double x0_error = DiffusionLoss(sample, at::kCPU)
                              .Compute(network, batch, 0)
                              .mean_error.item<double>();
  EXPECT_NEAR(x0_error, batch.image.square().mean().item<double>(), 1e-4);
}

// A fresh network's v is 0 where v = signal noise - sigma x0 is the target, so
// the loss is v's mean square: that of the noise and of the image, by
// alpha_bar.
TEST_F(DiffusionLossTest, VelocityMixesNoiseAndImage) {
  const std::string images = MakeImageFolder("velocity_images", 8);
  const auto set = ReadImageFolder(images, 16, 1);
  ASSERT_TRUE(set.ok());
  TrainConfig config = SmallConfig(images, "");
  config.optimizer.batch_size = 64;
  config.stage.spec.diffusion = {.num_timesteps = 1,  // One alpha_bar for all.
                                 .prediction = PredictionType::kVelocity};
  config.stage.network.out_channels = 1;
  ExampleSource source(config, *set);
  const ExampleBatch batch = source.Draw(0);
  nn::UNet network(config.stage.network);
  const double error = DiffusionLoss(config, at::kCPU)
                           .Compute(network, batch, 0)
                           .mean_error.item<double>();
  const double alpha_bar = NoiseSchedule(ScheduleKind::kCosine, 1).alpha_bar(0);
  const double image = batch.image.square().mean().item<double>();
  EXPECT_NEAR(error, alpha_bar + (1 - alpha_bar) * image, 0.03);

  // With noise levels, sqrt(alpha_bar) is even between that and 1.
  config.stage.spec.diffusion.conditioning = NoiseConditioning::kNoiseLevel;
  const double continuous = DiffusionLoss(config, at::kCPU)
                                .Compute(network, batch, 0)
                                .mean_error.item<double>();
  const double low = std::sqrt(alpha_bar);
  const double mean = (1 + low + alpha_bar) / 3;
  EXPECT_NEAR(continuous, mean + (1 - mean) * image, 0.1);
  EXPECT_GT(std::abs(mean - alpha_bar), 0.2);  // Another number, then.
}

// At every timestep but the first, the bound of a network that says 0 is the
// divergence of two normals that are known.
TEST_F(DiffusionLossTest, TheBoundIsTheDivergenceOfTheNormals) {
  const std::string images = MakeImageFolder("bound_images", 8);
  const auto set = ReadImageFolder(images, 16, 1);
  ASSERT_TRUE(set.ok());
  TrainConfig config = SmallConfig(images, "");
  config.optimizer.batch_size = 512;
  config.stage.spec.diffusion = {.num_timesteps = 10,
                                 .schedule = ScheduleKind::kLinear,
                                 .prediction = PredictionType::kSample,
                                 .variance = VarianceKind::kLearnedRange};
  ExampleSource source(config, *set);
  ExampleBatch batch = source.Draw(0);
  // Near 0, far from the ends of the range and of the likelihood.
  batch.image = batch.image * 0.2;
  const at::NoGradGuard no_grad;
  nn::UNet network(config.stage.network);
  // Says x0 = 0 and v = 1: the upper bound of the variance, beta.
  network.named_parameters()["out.2.bias"][1] = 1;
  const DiffusionLoss::Result result =
      DiffusionLoss(config, at::kCPU).Compute(network, batch, 0);
  const double bound =
      (result.loss.item<double>() - result.mean_error.item<double>()) /
      (10.0 / 1000);

  // The mean over timesteps, in bits, of KL(N(m, beta~), N(m - c x0, beta)),
  // and at t = 0 of the likelihood of a level.
  const NoiseSchedule schedule(ScheduleKind::kLinear, 10);
  const double square = batch.image.square().mean().item<double>();
  double sum = 0;
  for (int t = 1; t < 10; ++t) {
    const double ratio = schedule.PosteriorVariance(t) / schedule.beta(t);
    const double c = schedule.PosteriorX0Weight(t);
    sum += 0.5 *
           (ratio - 1 - std::log(ratio) + c * c * square / schedule.beta(t)) /
           std::log(2.0);
  }
  const double beta = schedule.beta(0);
  // -log of the density of x0 around 0 times the width of a level.
  const double first = (0.5 * square / beta + 0.5 * std::log(2 * M_PI * beta) +
                        std::log(255.0 / 2)) /
                       std::log(2.0);
  EXPECT_NEAR(bound, (sum + first) / 10, 0.1 * bound);
}

TEST_F(DiffusionLossTest, TheVarianceTermLeavesTheMeanAlone) {
  const std::string images = MakeImageFolder("mean_images", 4);
  const auto set = ReadImageFolder(images, 16, 1);
  ASSERT_TRUE(set.ok());
  TrainConfig learned = SmallConfig(images, "");
  learned.stage.network.dropout = 0;
  ExampleSource source(learned, *set);
  const ExampleBatch batch = source.Draw(0);
  nn::UNet network(learned.stage.network);
  const DiffusionLoss loss(learned, at::kCPU);
  loss.Compute(network, batch, 0).loss.backward();
  // out.2.bias has one entry for the mean, one for the variance.
  const at::Tensor bias = network.named_parameters()["out.2.bias"];
  const double hybrid = bias.grad()[0].item<double>();
  EXPECT_NE(bias.grad()[1].item<double>(), 0);
  network.zero_grad();

  TrainConfig fixed = learned;
  fixed.stage.spec.diffusion.variance = VarianceKind::kFixedSmall;
  DiffusionLoss(fixed, at::kCPU).Compute(network, batch, 0).loss.backward();
  EXPECT_NEAR(bias.grad()[0].item<double>(), hybrid, 1e-6);
}

// Blur changes the low-resolution input before it is enlarged, and that alone.
TEST_F(DiffusionLossTest, BlursTheLowResolutionInput) {
  const std::string images = MakeImageFolder("blur_images", 4);
  const auto set = ReadImageFolder(images, 16, 1);
  ASSERT_TRUE(set.ok());
  TrainConfig config = SmallConfig(images, "");
  config.stage.spec.augmentation.enabled = false;
  config.stage.network.augmentation_embedding = false;
  config.stage.network.dropout = 0;
  ExampleSource source(config, *set);
  ExampleBatch batch = source.Draw(0);
  nn::UNet network(config.stage.network);
  const at::NoGradGuard no_grad;
  network.named_parameters()["out.2.weight"].normal_();

  const auto error = [&](const TrainConfig& of) {
    return DiffusionLoss(of, at::kCPU)
        .Compute(network, batch, 2)
        .mean_error.item<double>();
  };
  TrainConfig blurred = config;
  blurred.stage.blur = {.share = 0.7, .min_sigma = 0.5, .max_sigma = 2};
  const double plain = error(config);
  const double with_blur = error(blurred);
  EXPECT_NE(with_blur, plain);
  batch.low_res = BlurImages(
      batch.low_res, DrawBlurSigmas(blurred.stage.blur, batch.low_res.size(0),
                                    config.seed, config.stage.spec.index, 2));
  EXPECT_EQ(error(config), with_blur);
}

}  // namespace
}  // namespace cascade
