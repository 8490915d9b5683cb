#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/plan/instruction_set.h"
#include "models/plan/winograd_problem.h"

namespace cascade {

// A 3x3 convolution with a padding of 1 over channels-last images, by
// Winograd's algorithm (Lavin & Gray 2016) over tiles: F(4x4, 3x3), sixteen
// results from thirty-six products where the definition takes 144, or F(2x2,
// 3x3), four from sixteen where it takes thirty-six. Sums are in float. An
// image's bits depend on neither the images beside it nor on who computes which
// block.
//
// Immutable; any thread may compute any block.
class WinogradConv {
 public:
  // The faster tile for such images: 4, or 2 for small ones.
  static int64_t TileFor(int64_t height, int64_t width);

  // weight [out_channels, in_channels, 3, 3], bias [out_channels]; `tile` 2 or
  // 4, for images of any size. The processor has `instructions`, and
  // WeightPanels take the channels.
  WinogradConv(std::span<const float> weight, std::span<const float> bias,
               int64_t tile, InstructionSet instructions);

  struct Images {
    int64_t count = 0;   // At least one.
    int64_t height = 0;  // Of the output.
    int64_t width = 0;
    // Whether the input has half of both, and each of its pixels stands for
    // four.
    bool doubles = false;
    // That are to share the blocks evenly. Changes no bits.
    int64_t threads = 1;
  };
  // The parts that Run() takes.
  int64_t Blocks(const Images& images) const;
  // x [count, height, width, in_channels] to out [count, height, width,
  // out_channels]. Adds `residual`, which may be `out`, unless it is null. T:
  // float or Bf16.
  template <typename T>
  void Run(const Images& images, const T* x, const T* residual, int64_t begin,
           int64_t end, T* out) const;

  int64_t out_channels() const { return out_channels_; }
  int64_t weight_bytes() const {
    return static_cast<int64_t>(weights_.size() * sizeof(float));
  }

 private:
  struct Split {
    int64_t tiles_in_block = 0;
    int64_t parts = 0;  // Of the output channels.
  };
  Split SplitOf(const Images& images) const;

  const InstructionSet instructions_;
  const int64_t tile_;  // Of so many results squared.
  const int64_t out_channels_;
  const int64_t in_channels_;
  const int64_t most_tiles_;  // In a block.
  const std::vector<float> bias_;
  const std::vector<float> zeros_;
  // WeightPanels, for each of a tile's products.
  const std::vector<float> weights_;
};

}  // namespace cascade
