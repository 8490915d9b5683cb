// Our kernels on a card beside the same threads on the host.

#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <vector>

#include "models/cuda/card_functions.h"
#include "models/cuda/card_layers.h"
#include "models/cuda/card_step_kernels.h"
#include "models/sampling/counter_noise.h"
#include "models/sampling/sampler_table.h"
#include "tests/gpu/card.h"

namespace cascade {
namespace {

class GpuKernelsTest : public CardTest {};

// One block of threads and several; vectors and single channels.
TEST_F(GpuKernelsTest, TheNormIsTheHosts) {
  at::manual_seed(3);
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    for (const auto& [channels, second, size, groups] :
         {std::array{64, 0, 8, 32}, std::array{128, 64, 64, 32},
          std::array{9, 6, 7, 5}, std::array{512, 512, 16, 32}}) {
      const at::Tensor weight = at::randn({channels + second});
      const at::Tensor bias = at::randn({channels + second});
      const at::Tensor extras = at::randn({3, 2 * (channels + second)});
      const auto run = [&](const CardFunctions& functions, at::Device device) {
        at::manual_seed(4);
        const auto images = [&](int count) {
          return at::randn({3, count, size, size})
              .to(dtype)
              .contiguous(at::MemoryFormat::ChannelsLast)
              .to(device);
        };
        const at::Tensor x = images(channels);
        const at::Tensor other = second > 0 ? images(second) : at::Tensor();
        const at::Tensor rows = extras.to(device);
        const CardNorm norm(
            weight, bias, groups,
            {.functions = &functions, .device = device, .dtype = dtype});
        CardNorm::Extras affine;
        affine.scale = rows.narrow(1, 0, channels + second);
        affine.shift = rows.narrow(1, channels + second, channels + second);
        return norm.Run(x, other, affine, at::kFloat).cpu();
      };
      const at::Tensor expected = run(HostFunctions(), at::kCPU);
      const at::Tensor made = run(CudaFunctions(), Card(0));
      const double most =
          ((made - expected).abs() / (1 + expected.abs())).max().item<double>();
      EXPECT_LT(most, 1e-5) << channels << " + " << second << " channels";
    }
  }
}

struct Made {
  at::Tensor x;
  at::Tensor x0;
  std::vector<bool> finite;
  std::vector<uint8_t> pixels;
};

// One step of an image by each sampler, with noise that the kernels make.
Made RunStep(const StageSpec& spec, const CardFunctions& functions,
             at::Device device) {
  at::manual_seed(5);
  constexpr int kImages = 3;
  SlotPool pool(spec, kImages, device);
  pool.x.copy_(at::randn(pool.x.sizes()));
  pool.x0.copy_(at::randn(pool.x0.sizes()));
  const bool learned = spec.diffusion.variance == VarianceKind::kLearnedRange;
  const at::Tensor output =
      at::randn({kImages, (learned ? 2 : 1) * spec.channels, spec.resolution,
                 spec.resolution})
          .to(device);
  std::vector<SamplerTable> tables;
  for (int i = 0; i < kImages; ++i) {
    SamplerOptions options;
    options.kind = static_cast<SamplerKind>(i);
    options.num_steps = 10;
    options.eta = options.kind == SamplerKind::kDdim ? 0.5 : 0;
    if (i == 2) options.threshold = {ThresholdKind::kDynamic, 0.7};
    tables.push_back(CompileSampler(spec.diffusion, options).value());
  }
  Made made;
  made.pixels.resize(static_cast<size_t>(pool.x.stride(0)));
  std::vector<UpdateRow> rows;
  for (int i = 0; i < kImages; ++i) {
    UpdateRow row;
    row.line = &tables[static_cast<size_t>(i)].lines[2];
    row.learned_variance = learned;
    row.output_row = i;
    row.x_row = SlotPool::XRow(i, 2);
    row.next_x_row = SlotPool::XRow(i, 3);
    for (int k = 0; k < kHistoryLength; ++k) {
      row.x0_rows[static_cast<size_t>(k)] =
          SlotPool::X0Row(i, 2 + kHistoryLength - k);
    }
    row.noise_key = {.seed = static_cast<uint64_t>(100 + i),
                     .purpose = NoisePurpose::kStep,
                     .step = 2};
    if (i == 1) row.pixels = made.pixels;
    rows.push_back(row);
  }
  const std::vector<NetworkRow> network_rows(kImages);
  const auto kernels = MakeCardStepKernels(functions, spec, kImages, device);
  kernels->Begin(network_rows, rows);
  nn::UNetInput input;
  input.x = EmptyImages(spec, kImages, device);
  input.timestep = at::empty(
      {kImages}, at::TensorOptions().dtype(at::kFloat).device(device));
  kernels->Gather({0, kImages, kImages}, pool, input);
  made.finite = kernels->Update(output, pool)->Wait().finite;
  made.x = pool.x.cpu();
  made.x0 = pool.x0.cpu();
  return made;
}

TEST_F(GpuKernelsTest, AStepIsTheHosts) {
  for (const VarianceKind variance :
       {VarianceKind::kFixedSmall, VarianceKind::kLearnedRange}) {
    StageSpec spec;
    spec.resolution = 33;
    spec.channels = 3;
    spec.diffusion.variance = variance;
    const Made host = RunStep(spec, HostFunctions(), at::kCPU);
    const Made card = RunStep(spec, CudaFunctions(), Card(0));
    EXPECT_EQ(card.finite, host.finite);
    EXPECT_TRUE(card.x0.equal(host.x0));
    EXPECT_EQ(card.pixels, host.pixels);
    // Logarithm, sine, cosine and exponential are the card's own.
    const at::Tensor difference = (card.x - host.x).abs();
    std::printf("x: %d of %d floats differ, by %.3g at most\n",
                static_cast<int>((difference > 0).sum().item<int64_t>()),
                static_cast<int>(difference.numel()),
                difference.max().item<double>());
    EXPECT_LT(difference.max().item<double>(), 1e-6);
  }
}

}  // namespace
}  // namespace cascade
