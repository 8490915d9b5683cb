#include "models/plan/winograd_conv.h"

#include <algorithm>
#include <array>

#include "models/plan/thread_workspace.h"

namespace cascade {
namespace {

constexpr int64_t kVector = 16;  // Channels; two vectors of AVX2.
constexpr int64_t kProducts = 16;

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t TilesOf(const WinogradConv::Images& images) {
  return images.count * CeilDivide(images.height, 2) *
         CeilDivide(images.width, 2);
}

int64_t LanesOf(InstructionSet instructions) {
  return instructions == InstructionSet::kAvx512 ? 16 : 8;
}

// As many as leave the cache of the second level room for weights: measured
// with 64 to 384 channels, where 24 to 96 made little difference.
int64_t MostTiles(int64_t in_channels, int64_t out_channels) {
  constexpr int64_t kFloats = 320 * 1024;
  constexpr int64_t kStep = 12;  // Rows that are multiplied at once.
  const int64_t of_tile = WinogradWorkspace(in_channels, out_channels, 1);
  return std::clamp(kFloats / of_tile / kStep * kStep, kStep, 4 * kStep);
}

// G g G^T, in doubles.
std::array<double, kProducts> Transformed(const float* kernel) {
  constexpr double kG[4][3] = {
      {1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  std::array<double, kProducts> result{};
  for (size_t i = 0; i < 4; ++i) {
    for (size_t x = 0; x < 3; ++x) {
      double column = 0;  // Of G g.
      for (size_t y = 0; y < 3; ++y) {
        column += kG[i][y] * static_cast<double>(kernel[3 * y + x]);
      }
      for (size_t j = 0; j < 4; ++j) result[4 * i + j] += column * kG[j][x];
    }
  }
  return result;
}

std::vector<float> Pack(std::span<const float> weight, int64_t out_channels,
                        int64_t in_channels, int64_t lanes) {
  std::vector<float> packed(
      static_cast<size_t>(kProducts * out_channels * in_channels));
  const int64_t paired = out_channels / (2 * lanes) * 2 * lanes;
  for (int64_t out = 0; out < out_channels; ++out) {
    const int64_t panel = out < paired ? 2 * lanes : lanes;
    const int64_t begin = out / panel * panel;
    for (int64_t in = 0; in < in_channels; ++in) {
      const std::array<double, kProducts> products =
          Transformed(weight.data() + (out * in_channels + in) * 9);
      for (int64_t i = 0; i < kProducts; ++i) {
        const int64_t at =
            (i * out_channels + begin) * in_channels + in * panel + out - begin;
        packed[static_cast<size_t>(at)] =
            static_cast<float>(products[static_cast<size_t>(i)]);
      }
    }
  }
  return packed;
}

}  // namespace

bool WinogradConv::Takes(int64_t in_channels, int64_t out_channels) {
  return in_channels % kVector == 0 && out_channels % kVector == 0;
}

WinogradConv::WinogradConv(std::span<const float> weight,
                           std::span<const float> bias,
                           InstructionSet instructions)
    : instructions_(instructions),
      out_channels_(static_cast<int64_t>(bias.size())),
      in_channels_(static_cast<int64_t>(weight.size() / bias.size() / 9)),
      most_tiles_(MostTiles(in_channels_, out_channels_)),
      bias_(bias.begin(), bias.end()),
      zeros_(static_cast<size_t>(in_channels_)),
      weights_(
          Pack(weight, out_channels_, in_channels_, LanesOf(instructions))) {}

int64_t WinogradConv::TilesInBlock(const Images& images) const {
  if (images.threads <= 1) return most_tiles_;
  constexpr int64_t kRows = 4;  // That are multiplied at once at least.
  const int64_t share = CeilDivide(TilesOf(images), images.threads);
  const int64_t blocks = CeilDivide(share, most_tiles_);
  return CeilDivide(CeilDivide(share, blocks), kRows) * kRows;
}

int64_t WinogradConv::Blocks(const Images& images) const {
  return CeilDivide(TilesOf(images), TilesInBlock(images));
}

template <typename T>
void WinogradConv::Run(const Images& images, const T* x, const T* residual,
                       int64_t begin, int64_t end, T* out) const {
  const WinogradProblem<T> problem{.x = x,
                                   .out = out,
                                   .residual = residual,
                                   .doubles = images.doubles,
                                   .images = images.count,
                                   .height = images.height,
                                   .width = images.width,
                                   .in_channels = in_channels_,
                                   .out_channels = out_channels_,
                                   .weights = weights_.data(),
                                   .bias = bias_.data(),
                                   .zeros = zeros_.data(),
                                   .tiles_in_block = TilesInBlock(images)};
  float* workspace = ThreadWorkspace(
      WinogradWorkspace(in_channels_, out_channels_, most_tiles_));
  if (instructions_ == InstructionSet::kAvx512) {
    WinogradAvx512(problem, begin, end, workspace);
  } else {
    WinogradAvx2(problem, begin, end, workspace);
  }
}

template void WinogradConv::Run(const Images&, const float*, const float*,
                                int64_t, int64_t, float*) const;
template void WinogradConv::Run(const Images&, const Bf16*, const Bf16*,
                                int64_t, int64_t, Bf16*) const;

}  // namespace cascade
