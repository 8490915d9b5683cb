// The loops of a Winograd convolution, for one instruction set; see
// vector_lanes.h.

#include <cstdint>

#include "models/plan/vector_lanes.h"
#include "models/plan/winograd_problem.h"
#include "models/plan/winograd_transform.h"

namespace cascade {
namespace {

// Where a tile of results lies. Its pixels reach one further on every side.
struct TileCorner {
  int64_t image;
  int64_t y;
  int64_t x;
};

// The loops for tiles of kTile x kTile results.
template <int kLanes, int kMostRows, int kTile, typename T>
class WinogradLoops {
 public:
  CASCADE_INLINED explicit WinogradLoops(const WinogradProblem<T>& problem)
      : p_(problem),
        across_((p_.width + kTile - 1) / kTile),
        of_image_(across_ * ((p_.height + kTile - 1) / kTile)),
        in_row_(WinogradRow(p_.in_channels)),
        out_row_(WinogradRow(p_.out_channels)),
        in_matrix_(WinogradMatrix(p_.in_channels, p_.tiles_in_block)),
        out_matrix_(WinogradMatrix(p_.out_channels, p_.tiles_in_block)) {}

  CASCADE_INLINED void Run(int64_t block, float* workspace) const {
    float* inputs = workspace;
    float* products = inputs + kProducts * in_matrix_;
    const int64_t first = block / p_.parts * p_.tiles_in_block;
    const int64_t part = block % p_.parts;
    const int64_t begin = PartBegin<kLanes>(p_.out_channels, part, p_.parts);
    const int64_t end = PartBegin<kLanes>(p_.out_channels, part + 1, p_.parts);
    const int64_t left = p_.images * of_image_ - first;
    const int64_t count = left < p_.tiles_in_block ? left : p_.tiles_in_block;
    for (int64_t t = 0; t < count; ++t) {
      TransformInput(CornerOf(first + t), inputs + t * in_row_);
    }
    // Rows beyond the last tile hold what they held before, and lead nowhere.
    for (int64_t i = 0; i < kProducts; ++i) {
      MultiplyByPanels<kLanes, kMostRows>(
          inputs + i * in_matrix_, in_row_,
          p_.weights + (i * p_.out_channels + begin) * p_.in_channels,
          p_.in_channels, end - begin, (count + 3) / 4 * 4,
          products + i * out_matrix_ + begin, out_row_);
    }
    for (int64_t t = 0; t < count; ++t) {
      TransformOutput(CornerOf(first + t), products + t * out_row_, begin, end);
    }
  }

 private:
  using F = Floats<kLanes>;
  using Transform = WinogradTransform<kTile>;
  static constexpr int kPixels = kTile + 2;
  static constexpr int kProducts = kPixels * kPixels;

  CASCADE_INLINED TileCorner CornerOf(int64_t index) const {
    const int64_t within = index % of_image_;
    return {index / of_image_, within / across_ * kTile,
            within % across_ * kTile};
  }

  // Rows of the inputs: B^T d B of a tile's pixels, one row of each matrix.
  CASCADE_INLINED void TransformInput(const TileCorner& corner,
                                      float* row) const {
    const T* pixels[kProducts];
    FindPixels(corner, pixels);
    for (int64_t c = 0; c < p_.in_channels; c += kLanes) {
      F across[kPixels][kPixels];
#pragma GCC unroll 6
      for (int i = 0; i < kPixels; ++i) {
        F d[kPixels];
#pragma GCC unroll 6
        for (int j = 0; j < kPixels; ++j) {
          d[j] = Load<kLanes>(pixels[kPixels * i + j] + c);
        }
        Transform::Pixels(d, across[i]);
      }
      float* to = row + c;
#pragma GCC unroll 6
      for (int j = 0; j < kPixels; ++j) {
        F d[kPixels];
#pragma GCC unroll 6
        for (int i = 0; i < kPixels; ++i) d[i] = across[i][j];
        F transformed[kPixels];
        Transform::Pixels(d, transformed);
#pragma GCC unroll 6
        for (int i = 0; i < kPixels; ++i) {
          Store<kLanes>(transformed[i], to + (kPixels * i + j) * in_matrix_);
        }
      }
    }
  }

  // Zeros outside of the image.
  CASCADE_INLINED void FindPixels(const TileCorner& corner,
                                  const T* (&pixels)[kProducts]) const {
    const int shift = p_.doubles ? 1 : 0;
    const int64_t width = p_.width >> shift;
    const T* image =
        p_.x + corner.image * (p_.height >> shift) * width * p_.in_channels;
    int64_t columns[kPixels];  // From the start of a row; -1: outside.
#pragma GCC unroll 6
    for (int j = 0; j < kPixels; ++j) {
      const int64_t x = corner.x + j - 1;
      columns[j] = x >= 0 && x < p_.width ? (x >> shift) * p_.in_channels : -1;
    }
    const T* zeros = reinterpret_cast<const T*>(p_.zeros);
#pragma GCC unroll 6
    for (int i = 0; i < kPixels; ++i) {
      const int64_t y = corner.y + i - 1;
      const bool inside = y >= 0 && y < p_.height;
      const T* row = image + (y >> shift) * width * p_.in_channels;
#pragma GCC unroll 6
      for (int j = 0; j < kPixels; ++j) {
        pixels[kPixels * i + j] =
            inside && columns[j] >= 0 ? row + columns[j] : zeros;
      }
    }
  }

  // A^T m A of a tile's products, to the channels from `begin` to `end`.
  CASCADE_INLINED void TransformOutput(const TileCorner& corner,
                                       const float* row, int64_t begin,
                                       int64_t end) const {
    const int64_t first =
        ((corner.image * p_.height + corner.y) * p_.width + corner.x) *
        p_.out_channels;
    const int64_t rows = Within(corner.y, p_.height);
    const int64_t columns = Within(corner.x, p_.width);
    for (int64_t c = begin; c < end; c += kLanes) {
      F down[kTile][kPixels];
#pragma GCC unroll 6
      for (int j = 0; j < kPixels; ++j) {
        F m[kPixels];
#pragma GCC unroll 6
        for (int i = 0; i < kPixels; ++i) {
          m[i] = Load<kLanes>(row + c + (kPixels * i + j) * out_matrix_);
        }
        F results[kTile];
        Transform::Results(m, results);
#pragma GCC unroll 6
        for (int i = 0; i < kTile; ++i) down[i][j] = results[i];
      }
      const F bias = Load<kLanes>(p_.bias + c);
#pragma GCC unroll 6
      for (int i = 0; i < kTile; ++i) {
        if (i >= rows) break;
        F results[kTile];
        Transform::Results(down[i], results);
#pragma GCC unroll 6
        for (int j = 0; j < kTile; ++j) {
          if (j >= columns) break;
          Write(results[j] + bias,
                first + (i * p_.width + j) * p_.out_channels + c);
        }
      }
    }
  }

  // How many of a tile's results are within the image.
  CASCADE_INLINED static int64_t Within(int64_t corner, int64_t size) {
    return size - corner < kTile ? size - corner : kTile;
  }

  CASCADE_INLINED void Write(F value, int64_t at) const {
    if (p_.residual != nullptr) value += Load<kLanes>(p_.residual + at);
    Store<kLanes>(value, p_.out + at);
  }

  const WinogradProblem<T>& p_;
  const int64_t across_;    // Tiles, of an image.
  const int64_t of_image_;  // Tiles.
  const int64_t in_row_;
  const int64_t out_row_;
  const int64_t in_matrix_;
  const int64_t out_matrix_;
};

template <int kLanes, int kMostRows, typename T>
CASCADE_INLINED void RunBlocks(const WinogradProblem<T>& problem, int64_t begin,
                               int64_t end, float* workspace) {
  if (problem.tile == 2) {
    const WinogradLoops<kLanes, kMostRows, 2, T> loops(problem);
    for (int64_t block = begin; block < end; ++block) {
      loops.Run(block, workspace);
    }
  } else {
    const WinogradLoops<kLanes, kMostRows, 4, T> loops(problem);
    for (int64_t block = begin; block < end; ++block) {
      loops.Run(block, workspace);
    }
  }
}

}  // namespace
}  // namespace cascade
