#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/nn/unet.h"
#include "models/sampling/sampler_table.h"
#include "models/training/adam.h"
#include "models/training/diffusion_loss.h"
#include "models/training/flat_parameters.h"
#include "models/training/reference_sampler.h"

namespace cascade {
namespace {

// Images of one value: kHigh in three quarters of the cases, -kHigh in the
// others.
constexpr float kHigh = 0.6f;
constexpr double kShareHigh = 0.75;
constexpr int64_t kBatch = 64;

TrainConfig TwoPoints() {
  TrainConfig config;
  StageManifest& stage = config.stage;
  stage.spec.name = "4x4";
  stage.spec.resolution = 4;
  stage.spec.channels = 1;
  stage.spec.diffusion.num_timesteps = 1000;
  stage.spec.diffusion.schedule = ScheduleKind::kCosine;
  stage.spec.diffusion.prediction = PredictionType::kVelocity;
  stage.spec.diffusion.conditioning = NoiseConditioning::kNoiseLevel;
  UNetConfig& network = stage.network;
  network.image_channels = 1;
  network.out_channels = 1;
  network.model_channels = 16;
  network.channel_mult = {1};
  network.num_res_blocks = 1;
  network.num_heads = 1;
  network.norm_groups = 4;
  config.seed = 3;
  config.optimizer.steps = 600;
  config.optimizer.learning_rate = 3e-3;
  config.optimizer.final_learning_rate = 1e-4;
  config.optimizer.decay = LearningRateDecay::kCosine;
  config.optimizer.ema_decay = 0.98;
  return config;
}

at::Tensor DrawImages() {
  const at::Tensor high = at::rand({kBatch, 1, 1, 1}) < kShareHigh;
  return at::where(high, kHigh, -kHigh)
      .to(at::kFloat)
      .expand({kBatch, 1, 4, 4})
      .contiguous();
}

// A network that was told noise levels of one schedule draws the same
// distribution with another: other levels, and a twentieth as many.
TEST(NoiseLevelTrainingTest, ASecondScheduleDrawsTheSameDistribution) {
  at::set_num_threads(1);
  at::manual_seed(11);
  const TrainConfig config = TwoPoints();
  nn::UNet network(config.stage.network);
  FlatParameters parameters(network);
  Adam adam(config.optimizer, parameters.values(), parameters.gradients());
  const DiffusionLoss loss(config, at::kCPU);
  for (int step = 0; step < config.optimizer.steps; ++step) {
    parameters.ZeroGradients();
    const ExampleBatch batch{.image = DrawImages(),
                             .low_res = {},
                             .class_id = at::zeros({kBatch}, at::kLong)};
    loss.Compute(network, batch, step).loss.backward();
    adam.Step(step);
  }
  const at::NoGradGuard no_grad;
  parameters.values().copy_(adam.average());
  network.eval();

  DiffusionSpec other = config.stage.spec.diffusion;
  other.schedule = ScheduleKind::kLinear;
  other.num_timesteps = 50;
  SamplerOptions options;
  options.kind = SamplerKind::kDdpm;
  options.num_steps = 50;
  const auto table = CompileSampler(other, options);
  ASSERT_TRUE(table.ok()) << table.status();
  const int64_t count = 512;
  const at::Tensor images = RunSampler(network, *table, {count, 1, 4, 4}, {});

  const at::Tensor means = images.mean({1, 2, 3});
  const double share = (means > 0).to(at::kDouble).mean().item<double>();
  // Five standard errors of the count, and as much for the network.
  EXPECT_NEAR(share, kShareHigh, 0.1);
  // Every pixel is one of the two values.
  const at::Tensor distance = (images.abs() - kHigh).abs();
  EXPECT_LT(distance.mean().item<double>(), 0.05);
  // And all of an image are the same one.
  EXPECT_LT((images - means.view({count, 1, 1, 1})).abs().mean().item<double>(),
            0.05);
}

}  // namespace
}  // namespace cascade
