#include "models/runtime/step_kernels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/cuda/card_step_kernels.h"
#include "models/runtime/step_update.h"
#include "models/sampling/counter_noise.h"
#include "models/sampling/sampler_table.h"

namespace cascade {
namespace {

constexpr int kSlots = 6;

at::Tensor Random(at::IntArrayRef shape, uint64_t seed) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  FillNormal({.seed = seed},
             {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())});
  return tensor;
}

StageSpec Spec(VarianceKind variance) {
  StageSpec spec;
  spec.resolution = 9;
  spec.low_resolution = 3;
  spec.channels = 3;
  spec.diffusion.variance = variance;
  return spec;
}

SlotPool RandomPool(const StageSpec& spec) {
  SlotPool pool(spec, kSlots, at::kCPU);
  pool.x.copy_(Random(pool.x.sizes(), 1));
  pool.x0.copy_(Random(pool.x0.sizes(), 2));
  pool.low_res.copy_(Random(pool.low_res.sizes(), 3));
  return pool;
}

// A step of one image of each sampler, guided and not, at its third line.
struct MixedStep {
  explicit MixedStep(const StageSpec& spec)
      : noise(Random({kSlots, spec.channels, spec.resolution, spec.resolution},
                     4)) {
    for (int slot = 0; slot < kSlots; ++slot) {
      SamplerOptions options;
      options.kind = static_cast<SamplerKind>(slot % 3);
      options.num_steps = 10 + slot;
      options.eta = options.kind == SamplerKind::kDdim ? 0.5 : 0;
      options.guidance.scale = slot < 3 ? 1 : 2.5;
      options.threshold.kind = static_cast<ThresholdKind>(slot / 2);
      if (slot == 4) options.threshold = {ThresholdKind::kDynamic, 0.6};
      if (slot == 5) options.threshold = {ThresholdKind::kDynamic, 0.9, 1.1};
      tables.push_back(CompileSampler(spec.diffusion, options).value());
    }
    constexpr int kLine = 2;
    for (int slot = 0; slot < kSlots; ++slot) {
      const SamplerTable& table = tables[static_cast<size_t>(slot)];
      UpdateRow row;
      row.line = &table.lines[kLine];
      row.guidance_scale = table.guidance_scale;
      row.learned_variance = table.learned_variance;
      row.output_row = output_rows++;
      if (row.line->guided) row.unconditional_row = output_rows++;
      row.x_row = SlotPool::XRow(slot, kLine);
      row.next_x_row = SlotPool::XRow(slot, kLine + 1);
      for (int k = 0; k < kHistoryLength; ++k) {
        row.x0_rows[static_cast<size_t>(k)] =
            SlotPool::X0Row(slot, kLine + kHistoryLength - k);
      }
      row.noise = HostRow(noise, slot);
      rows.push_back(row);
    }
  }

  std::vector<SamplerTable> tables;
  at::Tensor noise;
  std::vector<UpdateRow> rows;
  int64_t output_rows = 0;
};

struct Kernels {
  std::string name;
  std::function<std::unique_ptr<StepKernels>(const StageSpec&)> make;
};

// On the host; the first are what the others are compared with. A card's are
// its threads, one after another.
std::vector<Kernels> AllKernels() {
  return {{"Host", [](const StageSpec&) { return MakeHostKernels(); }},
          {"Aten", [](const StageSpec&) { return MakeAtenKernels(); }},
          {"Card", [](const StageSpec& spec) {
             return MakeCardStepKernels(HostFunctions(), spec, 2 * kSlots,
                                        at::kCPU);
           }}};
}

// Updates the rows in `pool` without a network.
std::vector<bool> Update(StepKernels& kernels, const StageSpec& spec,
                         std::span<const UpdateRow> rows,
                         const at::Tensor& output, const SlotPool& pool) {
  const std::vector<NetworkRow> network_rows(
      static_cast<size_t>(output.size(0)));
  kernels.Begin(network_rows, rows);
  nn::UNetInput input;
  input.x = EmptyImages(spec, output.size(0), at::kCPU);
  input.timestep = at::empty({output.size(0)}, at::kFloat);
  kernels.Gather({0, network_rows.size(), network_rows.size()}, pool, input);
  return kernels.Update(output, pool)->Wait().finite;
}

double MaxDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

class StepKernelsTest : public testing::TestWithParam<Kernels> {
 protected:
  std::vector<bool> Run(const StageSpec& spec, std::span<const UpdateRow> rows,
                        const at::Tensor& output, const SlotPool& pool) {
    return Update(*GetParam().make(spec), spec, rows, output, pool);
  }
};

TEST_P(StepKernelsTest, UpdatesAsTheHostDoes) {
  for (VarianceKind variance :
       {VarianceKind::kFixedSmall, VarianceKind::kLearnedRange}) {
    const StageSpec spec = Spec(variance);
    MixedStep step(spec);
    const int channels = variance == VarianceKind::kLearnedRange ? 6 : 3;
    const at::Tensor output = Random({step.output_rows, channels, 9, 9}, 5);
    const SlotPool host = RandomPool(spec);
    const SlotPool made = RandomPool(spec);
    const std::vector<bool> all(kSlots, true);
    EXPECT_EQ(Update(*MakeHostKernels(), spec, step.rows, output, host), all);
    EXPECT_EQ(Run(spec, step.rows, output, made), all);
    EXPECT_TRUE(host.x0.equal(made.x0));
    // ATen's exp is not the host's; a card's own is not tried here.
    EXPECT_LE(MaxDifference(host.x, made.x),
              GetParam().name == "Aten" ? 1e-6 : 0);
    EXPECT_FALSE(host.x.equal(RandomPool(spec).x));
  }
}

TEST_P(StepKernelsTest, MakesTheNoiseThatTheHostIsGiven) {
  const StageSpec spec = Spec(VarianceKind::kFixedSmall);
  const auto kernels = GetParam().make(spec);
  if (!kernels->makes_noise()) return;
  MixedStep step(spec);
  const at::Tensor output = Random({step.output_rows, 3, 9, 9}, 5);
  for (size_t i = 0; i < step.rows.size(); ++i) {
    step.rows[i].noise_key = {.seed = 0x123456789abcdef0 + i,
                              .stage = 1,
                              .purpose = NoisePurpose::kStep,
                              .step = 2};
    float* noise = HostRow(step.noise, static_cast<int64_t>(i));
    FillNormal(step.rows[i].noise_key,
               {noise, static_cast<size_t>(step.noise.stride(0))});
  }
  const SlotPool host = RandomPool(spec);
  Update(*MakeHostKernels(), spec, step.rows, output, host);
  for (UpdateRow& row : step.rows) row.noise = nullptr;
  const SlotPool made = RandomPool(spec);
  Update(*kernels, spec, step.rows, output, made);
  EXPECT_TRUE(host.x.equal(made.x));
}

TEST_P(StepKernelsTest, WritesThePixelsThatAreWanted) {
  const StageSpec spec = Spec(VarianceKind::kFixedSmall);
  MixedStep step(spec);
  const at::Tensor output = Random({step.output_rows, 3, 9, 9}, 5);
  std::vector<std::vector<uint8_t>> pixels(kSlots,
                                           std::vector<uint8_t>(3 * 9 * 9));
  for (const size_t i : {1, 2, 5}) {
    step.rows[i].pixels = pixels[i];
    step.rows[i].pixels_of_x = i == 2;
  }
  const SlotPool pool = RandomPool(spec);
  Run(spec, step.rows, output, pool);
  for (const size_t i : {1, 2, 5}) {
    const at::Tensor image = i == 2
                                 ? pool.x.select(0, step.rows[i].next_x_row)
                                 : pool.x0.select(0, step.rows[i].x0_rows[0]);
    std::vector<uint8_t> expected(3 * 9 * 9);
    ToPixels(image.const_data_ptr<float>(), 3, 81, expected);
    EXPECT_EQ(pixels[i], expected) << i;
  }
  EXPECT_EQ(pixels[0], std::vector<uint8_t>(3 * 9 * 9));
}

// at::quantile counts by itself.
TEST_P(StepKernelsTest, DynamicThresholdIsTheQuantileOfEachImage) {
  const StageSpec spec = Spec(VarianceKind::kFixedSmall);
  SlotPool pool(spec, 3, at::kCPU);
  pool.x.copy_(2 * Random(pool.x.sizes(), 1));
  pool.low_res.zero_();
  const at::Tensor x0 = pool.x.index_select(0, at::tensor({0, 2, 4})).clone();
  const at::Tensor limit =
      at::quantile(x0.abs().flatten(1), 0.83, /*dim=*/1).clamp_min(1.0);
  EXPECT_GT(limit.min().item<double>(), 1.5);
  const at::Tensor expected = (x0 / limit.view({-1, 1, 1, 1})).clamp(-1.0, 1.0);
  SamplerLine line;
  line.c_x = 1;
  line.c_out = 0;
  line.b[0] = 1;
  line.threshold = {.kind = ThresholdKind::kDynamic, .quantile = 0.83};
  std::vector<UpdateRow> rows;
  for (int slot = 0; slot < 3; ++slot) {
    UpdateRow row;
    row.line = &line;
    row.output_row = slot;
    row.x_row = SlotPool::XRow(slot, 0);
    row.next_x_row = SlotPool::XRow(slot, 1);
    row.x0_rows[0] = SlotPool::X0Row(slot, 0);
    rows.push_back(row);
  }
  const at::Tensor output = at::zeros({3, 3, 9, 9}, at::kFloat);
  pool.x0.zero_();
  Run(spec, rows, output, pool);
  const at::Tensor made = pool.x0.index_select(
      0, at::tensor({0, kHistoryLength, 2 * kHistoryLength}));
  EXPECT_LT(MaxDifference(made, expected), 1e-6);
  // Alone, an image gets the same bits.
  for (int slot = 0; slot < 3; ++slot) {
    pool.x0.zero_();
    Run(spec, {&rows[static_cast<size_t>(slot)], 1}, output, pool);
    EXPECT_TRUE(pool.x0.select(0, SlotPool::X0Row(slot, 0))
                    .equal(made.select(0, slot)));
  }
}

TEST_P(StepKernelsTest, FlagsTheImageThatIsNotFinite) {
  const StageSpec spec = Spec(VarianceKind::kFixedSmall);
  for (const size_t image : {1, 4}) {  // Of a static and a dynamic threshold.
    MixedStep step(spec);
    at::Tensor output = Random({step.output_rows, 3, 9, 9}, 5);
    output.select(0, step.rows[image].output_row)
        .view({-1})
        .select(0, 200)
        .fill_(std::numeric_limits<float>::infinity());
    std::vector<uint8_t> pixels(3 * 9 * 9);
    step.rows[image].pixels = pixels;
    std::vector<bool> expected(kSlots, true);
    expected[image] = false;
    EXPECT_EQ(Run(spec, step.rows, output, RandomPool(spec)), expected);
    EXPECT_EQ(pixels, std::vector<uint8_t>(3 * 9 * 9));
  }
}

TEST_P(StepKernelsTest, GathersRowsAndFillsUpABatch) {
  const StageSpec spec = Spec(VarianceKind::kFixedSmall);
  const SlotPool pool = RandomPool(spec);
  const std::vector<NetworkRow> rows = {
      {.x_row = 1, .low_res_row = 1},
      {.x_row = 7,
       .low_res_row = 3,
       .timestep = 12.5,
       .class_id = 4,
       .augmentation = 8},
      {.x_row = 0, .low_res_row = 0, .c_in = 0.5, .timestep = 3}};
  const auto kernels = GetParam().make(spec);
  nn::UNetInput input;
  input.x = at::zeros({4, 3, 9, 9}, at::kFloat);
  input.low_res = at::zeros({4, 3, 9, 9}, at::kFloat);
  input.timestep = at::zeros({4}, at::kFloat);
  input.class_id = at::zeros({4}, at::kLong);
  input.augmentation = at::zeros({4}, at::kFloat);
  kernels->Begin(rows, {});
  kernels->Gather({.begin = 1, .used = 2, .count = 3}, pool, input);
  EXPECT_TRUE(input.x.select(0, 0).equal(pool.x.select(0, 7)));
  EXPECT_TRUE(input.x.select(0, 1).equal(pool.x.select(0, 0) * 0.5));
  EXPECT_TRUE(input.x.select(0, 2).equal(input.x.select(0, 1)));
  EXPECT_TRUE(input.low_res.select(0, 0).equal(pool.low_res.select(0, 3)));
  EXPECT_TRUE(input.timestep.equal(at::tensor({12.5f, 3.0f, 3.0f, 0.0f})));
  EXPECT_TRUE(input.class_id.equal(
      at::tensor({int64_t{4}, int64_t{0}, int64_t{0}, int64_t{0}})));
  EXPECT_TRUE(input.augmentation.equal(at::tensor({8.0f, 0.0f, 0.0f, 0.0f})));
  EXPECT_FALSE(input.x.select(0, 3).any().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(All, StepKernelsTest, testing::ValuesIn(AllKernels()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace cascade
