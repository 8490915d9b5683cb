#pragma once

#include <cstdint>

struct CUstream_st;

namespace cascade {

// What a kernel reads and writes: of channels-last images.
enum class NormType { kFloat, kBFloat16, kHalf };

// Group normalisation (Wu & He 2018), eps 1e-5, and what follows it in a
// U-Net's block: as models/plan/fused_norm.h, for a card. Pointers are to
// memory of the device.
struct NormArguments {
  NormType type = NormType::kFloat;      // Of the input.
  NormType out_type = NormType::kFloat;  // The input's, or float.

  // Channels side by side, in one or two pieces whose channels follow each
  // other: a skip connection's concatenation that is never made.
  const void* first = nullptr;   // [images, pixels, first_channels]
  const void* second = nullptr;  // [images, pixels, second_channels]; or null.
  void* out = nullptr;           // [images, pixels, channels]
  int images = 0;                // At most 65535.
  int pixels = 0;
  int first_channels = 0;
  int second_channels = 0;

  int groups = 32;                // Divides the channels.
  const float* weight = nullptr;  // [channels]
  const float* bias = nullptr;    // [channels]
  // [channels], added to the input: the bias of a convolution that left it out;
  // null: none.
  const float* input_bias = nullptr;
  // Of each image, `stride` apart; null: none. `add` is added to the input's
  // channels; the norm is multiplied by 1 + scale, then shifted.
  const float* add = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
  int64_t stride = 0;
  bool silu = true;

  // [images, chunks, groups, 2], where the layout has more than one chunk.
  float* partial_sums = nullptr;
};

// How the blocks of threads share the work on one image; a function of its
// shape, never of the number of images, so that an image's bits are not either.
//
// A block has whole groups, side by side in memory for whole sectors of the
// card's caches, and a range of pixels. One block that has all pixels makes
// statistics and output in one launch; several leave their sums to a second.
struct NormLayout {
  int vector = 1;  // Channels that a thread reads at once.
  int groups = 1;  // Of a block.
  int channels = 1;
  int blocks = 1;   // Side by side.
  int vectors = 1;  // Of a pixel, in a block: threads side by side.
  int lanes = 1;    // Pixels that a block reads at once.
  int chunks = 1;
  int chunk_pixels = 1;

  int threads() const { return vectors * lanes; }
  int64_t shared_bytes() const;
};

// Whether there is a layout for so many channels: a group must fit a block of
// threads.
bool HasNormLayout(const NormArguments& arguments);
NormLayout LayoutOf(const NormArguments& arguments);

// Queues the norm. Returns CUDA's error code; 0 is success.
int LaunchFusedNorm(const NormArguments& arguments, CUstream_st* stream);

// The same blocks, one thread after another, on pointers to host memory: what
// tests compare, and what a plan on the CPU runs.
void FusedNormOnHost(const NormArguments& arguments);

}  // namespace cascade
