#include "models/plan/winograd_conv.h"

#include <algorithm>
#include <array>

#include "models/plan/thread_workspace.h"
#include "models/plan/weight_panels.h"
#include "models/plan/winograd_points.h"

namespace cascade {
namespace {

constexpr int64_t kFullRows = 12;  // That are multiplied at once at best.

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t TilesOf(const WinogradConv::Images& images, int64_t tile) {
  return images.count * CeilDivide(images.height, tile) *
         CeilDivide(images.width, tile);
}

// As many as leave the cache of the second level room for weights; where those
// alone do not fit, more, for each block reads all of them. Measured with 16 to
// 384 channels.
int64_t MostTiles(int64_t tile, int64_t in_channels, int64_t out_channels) {
  constexpr int64_t kKibi = 1024;
  const int64_t weights = WinogradProducts(tile) * in_channels * out_channels;
  const bool fit = weights <= 512 * kKibi;
  const int64_t floats = (fit ? 160 : 800) * kKibi;
  const int64_t of_tile = WinogradWorkspace(tile, in_channels, out_channels, 1);
  return std::clamp(floats / of_tile / kFullRows * kFullRows, kFullRows,
                    (fit ? 2 : 8) * kFullRows);
}

// Rows of G, for a kernel of three: what it is at each point, by what the
// products' polynomial takes.
using KernelTransform = std::vector<std::array<double, 3>>;

KernelTransform TransformOf(int64_t tile) {
  if (tile == 2) {
    return {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  }
  const auto at = [](double point, double other) {
    const double square = point * point;
    const double factor = 1 / (2 * square * (square - other * other));
    return std::array{factor, factor * point, factor * square};
  };
  constexpr double kA = WinogradPoints::kA;
  constexpr double kB = WinogradPoints::kB;
  return {{1 / (kA * kA * kB * kB), 0, 0},
          at(kA, kB),
          at(-kA, kB),
          at(kB, kA),
          at(-kB, kA),
          {0, 0, 1}};
}

// G g G^T, in doubles.
void Transform(const KernelTransform& by, const float* kernel,
               std::vector<double>& products) {
  const size_t size = by.size();
  for (size_t i = 0; i < size; ++i) {
    std::array<double, 3> row{};  // Of G g.
    for (size_t x = 0; x < 3; ++x) {
      for (size_t y = 0; y < 3; ++y) {
        row[x] += by[i][y] * static_cast<double>(kernel[3 * y + x]);
      }
    }
    for (size_t j = 0; j < size; ++j) {
      products[size * i + j] =
          row[0] * by[j][0] + row[1] * by[j][1] + row[2] * by[j][2];
    }
  }
}

std::vector<float> Pack(std::span<const float> weight, int64_t tile,
                        int64_t out_channels, int64_t in_channels,
                        InstructionSet instructions) {
  const WeightPanels panels(in_channels, out_channels, instructions);
  const KernelTransform transform = TransformOf(tile);
  std::vector<double> products(static_cast<size_t>(WinogradProducts(tile)));
  const int64_t matrix = out_channels * in_channels;
  std::vector<float> packed(products.size() * static_cast<size_t>(matrix));
  for (int64_t out = 0; out < out_channels; ++out) {
    for (int64_t in = 0; in < in_channels; ++in) {
      Transform(transform, weight.data() + (out * in_channels + in) * 9,
                products);
      int64_t at = panels.Position(in, out);
      for (const double product : products) {
        packed[static_cast<size_t>(at)] = static_cast<float>(product);
        at += matrix;
      }
    }
  }
  return packed;
}

}  // namespace

int64_t WinogradConv::TileFor(int64_t height, int64_t width) {
  // The rows that are multiplied at once at least: fewer tiles of a single
  // image would read the weights, of which there are more than twice as many,
  // for nothing.
  constexpr int64_t kLeastTiles = 4;
  return CeilDivide(height, 4) * CeilDivide(width, 4) >= kLeastTiles ? 4 : 2;
}

WinogradConv::WinogradConv(std::span<const float> weight,
                           std::span<const float> bias, int64_t tile,
                           InstructionSet instructions)
    : instructions_(instructions),
      tile_(tile),
      out_channels_(static_cast<int64_t>(bias.size())),
      in_channels_(static_cast<int64_t>(weight.size() / bias.size() / 9)),
      most_tiles_(MostTiles(tile_, in_channels_, out_channels_)),
      bias_(bias.begin(), bias.end()),
      zeros_(static_cast<size_t>(in_channels_)),
      weights_(Pack(weight, tile_, out_channels_, in_channels_, instructions)) {
}

WinogradConv::Split WinogradConv::SplitOf(const Images& images) const {
  if (images.threads <= 1) return {.tiles_in_block = most_tiles_, .parts = 1};
  constexpr int64_t kRows = 4;  // That are multiplied at once at least.
  const int64_t tiles = TilesOf(images, tile_);
  // Of too few tiles each thread would read all weights for little: then they
  // share out the weights.
  const int64_t shares =
      std::clamp(tiles / kFullRows, int64_t{1}, images.threads);
  const int64_t share = CeilDivide(tiles, shares);
  const int64_t blocks = CeilDivide(share, most_tiles_);
  const WeightPanels panels(in_channels_, out_channels_, instructions_);
  return {
      .tiles_in_block = CeilDivide(CeilDivide(share, blocks), kRows) * kRows,
      .parts = std::min(images.threads / shares, panels.count())};
}

int64_t WinogradConv::Blocks(const Images& images) const {
  const Split split = SplitOf(images);
  return CeilDivide(TilesOf(images, tile_), split.tiles_in_block) * split.parts;
}

template <typename T>
void WinogradConv::Run(const Images& images, const T* x, const T* residual,
                       int64_t begin, int64_t end, T* out) const {
  const Split split = SplitOf(images);
  const WinogradProblem<T> problem{.x = x,
                                   .out = out,
                                   .residual = residual,
                                   .doubles = images.doubles,
                                   .tile = tile_,
                                   .images = images.count,
                                   .height = images.height,
                                   .width = images.width,
                                   .in_channels = in_channels_,
                                   .out_channels = out_channels_,
                                   .weights = weights_.data(),
                                   .bias = bias_.data(),
                                   .zeros = zeros_.data(),
                                   .tiles_in_block = split.tiles_in_block,
                                   .parts = split.parts};
  float* workspace = ThreadWorkspace(
      WinogradWorkspace(tile_, in_channels_, out_channels_, most_tiles_));
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
