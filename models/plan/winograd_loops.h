// The loops of a Winograd convolution, for one instruction set: included by a
// source file that is compiled for it, and by nothing else. Everything here is
// local to that file and calls nothing outside of it: an inline function that
// two files share would be linked from either.

#include <cstdint>

#include "models/plan/bf16.h"
#include "models/plan/winograd_problem.h"

namespace cascade {
namespace {

#define CASCADE_INLINED inline __attribute__((always_inline))

template <int kLanes>
struct Lanes {
  typedef float Floats __attribute__((vector_size(4 * kLanes), aligned(4)));
  typedef uint32_t Words __attribute__((vector_size(4 * kLanes), aligned(4)));
  typedef uint16_t Halves __attribute__((vector_size(2 * kLanes), aligned(2)));
};

template <int kLanes>
using Floats = typename Lanes<kLanes>::Floats;

template <int kLanes>
CASCADE_INLINED Floats<kLanes> Load(const float* from) {
  return *reinterpret_cast<const Floats<kLanes>*>(from);
}
template <int kLanes>
CASCADE_INLINED Floats<kLanes> Load(const Bf16* from) {
  using L = Lanes<kLanes>;
  const auto halves = *reinterpret_cast<const typename L::Halves*>(from);
  return reinterpret_cast<Floats<kLanes>>(
      __builtin_convertvector(halves, typename L::Words) << 16);
}

template <int kLanes>
CASCADE_INLINED void Store(Floats<kLanes> values, float* to) {
  *reinterpret_cast<Floats<kLanes>*>(to) = values;
}
// To the nearest, ties to even. NaN stays one.
template <int kLanes>
CASCADE_INLINED void Store(Floats<kLanes> values, Bf16* to) {
  using L = Lanes<kLanes>;
  const auto bits = reinterpret_cast<typename L::Words>(values);
  const auto rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const auto is_nan = (bits & 0x7fffffff) > 0x7f800000;
  const auto chosen = is_nan ? typename L::Words{} + 0x7fc0 : rounded;
  *reinterpret_cast<typename L::Halves*>(to) =
      __builtin_convertvector(chosen, typename L::Halves);
}

// Where a tile of 2x2 results lies. Its pixels are 4x4, from one above and one
// to the left of them.
struct Tile {
  int64_t image;
  int64_t y;
  int64_t x;
};

template <typename T>
CASCADE_INLINED Tile TileAt(const WinogradProblem<T>& p, int64_t index) {
  const int64_t across = (p.width + 1) / 2;
  const int64_t of_image = across * ((p.height + 1) / 2);
  const int64_t within = index % of_image;
  return {index / of_image, within / across * 2, within % across * 2};
}

// Rows of `inputs`: B^T d B of a tile's pixels, one row of each of the sixteen
// matrices.
template <int kLanes, typename T>
CASCADE_INLINED void TransformInput(const WinogradProblem<T>& p,
                                    const Tile& tile, int64_t matrix,
                                    float* row) {
  const T* pixels[16];
  const int shift = p.doubles ? 1 : 0;
  const int64_t height = p.height >> shift;
  const int64_t width = p.width >> shift;
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      const int64_t y = tile.y + i - 1;
      const int64_t x = tile.x + j - 1;
      const bool inside = y >= 0 && y < p.height && x >= 0 && x < p.width;
      pixels[4 * i + j] =
          inside ? p.x + ((tile.image * height + (y >> shift)) * width +
                          (x >> shift)) *
                             p.in_channels
                 : reinterpret_cast<const T*>(p.zeros);
    }
  }
  for (int64_t c = 0; c < p.in_channels; c += kLanes) {
    Floats<kLanes> d[16];
    for (int i = 0; i < 4; ++i) {
      const auto a = Load<kLanes>(pixels[4 * i] + c);
      const auto b = Load<kLanes>(pixels[4 * i + 1] + c);
      const auto e = Load<kLanes>(pixels[4 * i + 2] + c);
      const auto f = Load<kLanes>(pixels[4 * i + 3] + c);
      d[4 * i] = a - e;
      d[4 * i + 1] = b + e;
      d[4 * i + 2] = e - b;
      d[4 * i + 3] = b - f;
    }
    float* to = row + c;
    for (int j = 0; j < 4; ++j) {
      Store<kLanes>(d[j] - d[8 + j], to + (0 + j) * matrix);
      Store<kLanes>(d[4 + j] + d[8 + j], to + (4 + j) * matrix);
      Store<kLanes>(d[8 + j] - d[4 + j], to + (8 + j) * matrix);
      Store<kLanes>(d[4 + j] - d[12 + j], to + (12 + j) * matrix);
    }
  }
}

// A^T m A of a tile's products, to the images.
template <int kLanes, typename T>
CASCADE_INLINED void TransformOutput(const WinogradProblem<T>& p,
                                     const Tile& tile, int64_t matrix,
                                     const float* row) {
  const bool has_right = tile.x + 1 < p.width;
  const bool has_below = tile.y + 1 < p.height;
  const int64_t first =
      ((tile.image * p.height + tile.y) * p.width + tile.x) * p.out_channels;
  const int64_t below = p.width * p.out_channels;
  for (int64_t c = 0; c < p.out_channels; c += kLanes) {
    Floats<kLanes> s[8];
    for (int j = 0; j < 4; ++j) {
      const auto m0 = Load<kLanes>(row + c + (0 + j) * matrix);
      const auto m1 = Load<kLanes>(row + c + (4 + j) * matrix);
      const auto m2 = Load<kLanes>(row + c + (8 + j) * matrix);
      const auto m3 = Load<kLanes>(row + c + (12 + j) * matrix);
      s[j] = m0 + m1 + m2;
      s[4 + j] = m1 - m2 - m3;
    }
    const auto bias = Load<kLanes>(p.bias + c);
    const auto write = [&](Floats<kLanes> value, int64_t at) {
      value += bias;
      if (p.residual != nullptr) value += Load<kLanes>(p.residual + at);
      Store<kLanes>(value, p.out + at);
    };
    const int64_t at = first + c;
    write(s[0] + s[1] + s[2], at);
    if (has_right) write(s[1] - s[2] - s[3], at + p.out_channels);
    if (!has_below) continue;
    write(s[4] + s[5] + s[6], at + below);
    if (has_right) write(s[5] - s[6] - s[7], at + below + p.out_channels);
  }
}

// kRows rows of one matrix times a panel of kVectors * kLanes columns of the
// weights. Each product is a sum in the order of the channels, whatever kRows
// is: an image's bits do not depend on what is computed beside it.
template <int kLanes, int kRows, int kVectors>
CASCADE_INLINED void Multiply(const float* rows, int64_t row_stride,
                              const float* panel, int64_t channels, float* out,
                              int64_t out_stride) {
  Floats<kLanes> sums[kRows][kVectors] = {};
  for (int64_t c = 0; c < channels; ++c) {
    Floats<kLanes> weights[kVectors];
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = Load<kLanes>(panel + (c * kVectors + v) * kLanes);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const float value = rows[r * row_stride + c];
#pragma GCC unroll 16
      for (int v = 0; v < kVectors; ++v) sums[r][v] += value * weights[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      Store<kLanes>(sums[r][v], out + r * out_stride + v * kLanes);
    }
  }
}

template <int kLanes, int kMostRows, int kVectors>
CASCADE_INLINED void MultiplyAll(const float* rows, int64_t row_stride,
                                 const float* panel, int64_t channels,
                                 int64_t num_rows, float* out,
                                 int64_t out_stride) {
  int64_t row = 0;
  for (; row + kMostRows <= num_rows; row += kMostRows) {
    Multiply<kLanes, kMostRows, kVectors>(rows + row * row_stride, row_stride,
                                          panel, channels,
                                          out + row * out_stride, out_stride);
  }
  for (; row < num_rows; row += 4) {
    Multiply<kLanes, 4, kVectors>(rows + row * row_stride, row_stride, panel,
                                  channels, out + row * out_stride, out_stride);
  }
}

// kMostRows * 2 vectors of sums fit the registers beside what is multiplied.
template <int kLanes, int kMostRows, typename T>
CASCADE_INLINED void RunBlocks(const WinogradProblem<T>& p, int64_t begin,
                               int64_t end, float* workspace) {
  const int64_t tiles = p.images * ((p.height + 1) / 2) * ((p.width + 1) / 2);
  const int64_t in_row = WinogradRow(p.in_channels);
  const int64_t out_row = WinogradRow(p.out_channels);
  const int64_t in_matrix = WinogradMatrix(p.in_channels, p.tiles_in_block);
  const int64_t out_matrix = WinogradMatrix(p.out_channels, p.tiles_in_block);
  float* inputs = workspace;
  float* products = inputs + 16 * in_matrix;
  for (int64_t block = begin; block < end; ++block) {
    const int64_t first = block * p.tiles_in_block;
    const int64_t left = tiles - first;
    const int64_t count = left < p.tiles_in_block ? left : p.tiles_in_block;
    for (int64_t t = 0; t < count; ++t) {
      TransformInput<kLanes>(p, TileAt(p, first + t), in_matrix,
                             inputs + t * in_row);
    }
    // Rows beyond the last tile hold what they held before, and lead nowhere.
    const int64_t rows = (count + 3) / 4 * 4;
    constexpr int64_t kPanel = 2 * kLanes;
    for (int64_t i = 0; i < 16; ++i) {
      const float* weights = p.weights + i * p.in_channels * p.out_channels;
      int64_t column = 0;
      for (; column + kPanel <= p.out_channels; column += kPanel) {
        MultiplyAll<kLanes, kMostRows, 2>(
            inputs + i * in_matrix, in_row, weights + column * p.in_channels,
            p.in_channels, rows, products + i * out_matrix + column, out_row);
      }
      for (; column < p.out_channels; column += kLanes) {
        MultiplyAll<kLanes, kMostRows, 1>(
            inputs + i * in_matrix, in_row, weights + column * p.in_channels,
            p.in_channels, rows, products + i * out_matrix + column, out_row);
      }
    }
    for (int64_t t = 0; t < count; ++t) {
      TransformOutput<kLanes>(p, TileAt(p, first + t), out_matrix,
                              products + t * out_row);
    }
  }
}

#undef CASCADE_INLINED

}  // namespace
}  // namespace cascade
