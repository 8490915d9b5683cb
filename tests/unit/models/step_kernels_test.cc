#include "models/runtime/step_kernels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

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

double MaxDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(StepKernelsTest, AtenUpdatesAsTheHostDoes) {
  for (VarianceKind variance :
       {VarianceKind::kFixedSmall, VarianceKind::kLearnedRange}) {
    const StageSpec spec = Spec(variance);
    const MixedStep step(spec);
    const int channels = variance == VarianceKind::kLearnedRange ? 6 : 3;
    const at::Tensor output = Random({step.output_rows, channels, 9, 9}, 5);
    const SlotPool host = RandomPool(spec);
    const SlotPool aten = RandomPool(spec);
    const std::vector<bool> all(kSlots, true);
    EXPECT_EQ(MakeHostKernels()->Update(step.rows, output, host), all);
    EXPECT_EQ(MakeAtenKernels()->Update(step.rows, output, aten), all);
    EXPECT_TRUE(host.x0.equal(aten.x0));
    EXPECT_LT(MaxDifference(host.x, aten.x), 1e-6);
    EXPECT_FALSE(host.x.equal(RandomPool(spec).x));
  }
}

// at::quantile counts by itself.
TEST(StepKernelsTest, DynamicThresholdIsTheQuantileOfEachImage) {
  const StageSpec spec = Spec(VarianceKind::kFixedSmall);
  SlotPool pool(spec, 3, at::kCPU);
  pool.x.copy_(2 * Random(pool.x.sizes(), 1));
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
  for (const auto& kernels : {MakeHostKernels(), MakeAtenKernels()}) {
    pool.x0.zero_();
    kernels->Update(rows, output, pool);
    const at::Tensor made = pool.x0.index_select(
        0, at::tensor({0, kHistoryLength, 2 * kHistoryLength}));
    EXPECT_LT(MaxDifference(made, expected), 1e-6);
    // Alone, an image gets the same bits.
    for (int slot = 0; slot < 3; ++slot) {
      pool.x0.zero_();
      kernels->Update({&rows[static_cast<size_t>(slot)], 1}, output, pool);
      EXPECT_TRUE(pool.x0.select(0, SlotPool::X0Row(slot, 0))
                      .equal(made.select(0, slot)));
    }
  }
}

TEST(StepKernelsTest, BothFlagTheImageThatIsNotFinite) {
  const StageSpec spec = Spec(VarianceKind::kFixedSmall);
  const MixedStep step(spec);
  at::Tensor output = Random({step.output_rows, 3, 9, 9}, 5);
  output.select(0, step.rows[1].output_row)
      .view({-1})
      .select(0, 200)
      .fill_(std::numeric_limits<float>::infinity());
  std::vector<bool> expected(kSlots, true);
  expected[1] = false;
  EXPECT_EQ(MakeHostKernels()->Update(step.rows, output, RandomPool(spec)),
            expected);
  EXPECT_EQ(MakeAtenKernels()->Update(step.rows, output, RandomPool(spec)),
            expected);
}

TEST(StepKernelsTest, AtenGathersAsTheHostDoes) {
  const StageSpec spec = Spec(VarianceKind::kFixedSmall);
  const SlotPool pool = RandomPool(spec);
  const std::vector<GatherRow> rows = {
      {.x_row = 7, .low_res_row = 3},
      {.x_row = 0, .low_res_row = 0},
      {.x_row = 7, .low_res_row = 3, .c_in = 0.5}};
  const auto gather = [&](StepKernels& kernels) {
    at::Tensor x = at::zeros({4, 3, 9, 9}, at::kFloat);
    at::Tensor low_res = at::zeros({4, 3, 9, 9}, at::kFloat);
    kernels.Gather(pool, rows, x, low_res);
    return std::make_pair(x, low_res);
  };
  const auto [x, low_res] = gather(*MakeHostKernels());
  const auto [aten_x, aten_low_res] = gather(*MakeAtenKernels());
  EXPECT_TRUE(x.equal(aten_x));
  EXPECT_TRUE(low_res.equal(aten_low_res));
  EXPECT_TRUE(x.select(0, 0).equal(pool.x.select(0, 7)));
  EXPECT_TRUE(x.select(0, 2).equal(pool.x.select(0, 7) * 0.5));
  EXPECT_TRUE(low_res.select(0, 0).equal(pool.low_res.select(0, 3)));
}

}  // namespace
}  // namespace cascade
