#pragma once

#include <c10/macros/Macros.h>
#include <math.h>

#include <cstdint>

#include "models/cuda/fused_norm.h"

namespace cascade {

// What one thread of a block does in a norm, from one barrier to the next. A
// kernel runs the threads side by side, a test on the host one after another.

// Sums of a channel, or of a group: of what lies above the pivot, which is the
// group's first value, so that a large mean does not swallow the variance.
struct NormSums {
  float sum;
  float squares;
};

struct NormStatistics {
  float mean;
  float deviation_inverse;
};

struct NormBlock {
  int image;
  int block;  // Along the channels.
  int chunk;  // Along the pixels.
  int thread;

  C10_HOST_DEVICE int lane(const NormLayout& layout) const {
    return thread / layout.vectors;
  }
  // The thread's first channel, in the block.
  C10_HOST_DEVICE int offset(const NormLayout& layout) const {
    return thread % layout.vectors * layout.vector;
  }
  C10_HOST_DEVICE int channel(const NormLayout& layout) const {
    return block * layout.channels + offset(layout);
  }
  C10_HOST_DEVICE int end_pixel(const NormArguments& a,
                                const NormLayout& layout) const {
    const int end = (chunk + 1) * layout.chunk_pixels;
    return end < a.pixels ? end : a.pixels;
  }
};

template <typename T, int kVector>
struct alignas(sizeof(T) * kVector) NormVector {
  T values[kVector];
};

// The input's channels from `channel` of a pixel.
template <typename T, int kVector>
C10_HOST_DEVICE NormVector<T, kVector> LoadVector(const NormArguments& a,
                                                  int image, int pixel,
                                                  int channel) {
  const bool is_first = channel < a.first_channels;
  const int channels = is_first ? a.first_channels : a.second_channels;
  const T* piece = static_cast<const T*>(is_first ? a.first : a.second);
  const int64_t row = static_cast<int64_t>(image) * a.pixels + pixel;
  return *reinterpret_cast<const NormVector<T, kVector>*>(
      piece + row * channels + channel - (is_first ? 0 : a.first_channels));
}

// Of an image's channel; 0 where there is none.
C10_HOST_DEVICE inline float Extra(const float* values, const NormArguments& a,
                                   int image, int channel) {
  return values == nullptr ? 0.0f : values[image * a.stride + channel];
}

// What is added to an image's channel before the norm.
C10_HOST_DEVICE inline float Added(const NormArguments& a, int image,
                                   int channel) {
  return (a.input_bias == nullptr ? 0.0f : a.input_bias[channel]) +
         Extra(a.add, a, image, channel);
}

C10_HOST_DEVICE inline int GroupChannels(const NormArguments& a) {
  return (a.first_channels + a.second_channels) / a.groups;
}

template <typename T>
C10_HOST_DEVICE float Pivot(const NormArguments& a, int image, int group) {
  const int channel = group * GroupChannels(a);
  const NormVector<T, 1> value = LoadVector<T, 1>(a, image, 0, channel);
  return static_cast<float>(value.values[0]) + Added(a, image, channel);
}

// First: the sums of the thread's channels over its pixels, in
// sums[lane, channel].
template <typename T, int kVector>
C10_HOST_DEVICE void SumPixels(const NormArguments& a, const NormLayout& layout,
                               const NormBlock& at, NormSums* sums) {
  const int first_channel = at.channel(layout);
  float shift[kVector];  // From the input to what lies above the pivot.
  NormSums own[kVector];
  for (int i = 0; i < kVector; ++i) {
    const int channel = first_channel + i;
    shift[i] = Added(a, at.image, channel) -
               Pivot<T>(a, at.image, channel / GroupChannels(a));
    own[i] = NormSums{0, 0};
  }
  const int end = at.end_pixel(a, layout);
  for (int pixel = at.chunk * layout.chunk_pixels + at.lane(layout);
       pixel < end; pixel += layout.lanes) {
    const NormVector<T, kVector> x =
        LoadVector<T, kVector>(a, at.image, pixel, first_channel);
    for (int i = 0; i < kVector; ++i) {
      const float value = static_cast<float>(x.values[i]) + shift[i];
      own[i].sum += value;
      own[i].squares += value * value;
    }
  }
  NormSums* out = sums + at.lane(layout) * layout.channels + at.offset(layout);
  for (int i = 0; i < kVector; ++i) out[i] = own[i];
}

// Then, again and again: the sums of `lanes` lanes become those of half.
C10_HOST_DEVICE inline void FoldLanes(const NormLayout& layout,
                                      const NormBlock& at, int lanes,
                                      NormSums* sums) {
  const int half = (lanes + 1) / 2;
  if (at.lane(layout) + half >= lanes) return;
  NormSums* to = sums + at.lane(layout) * layout.channels + at.offset(layout);
  const NormSums* from = to + half * layout.channels;
  for (int i = 0; i < layout.vector; ++i) {
    to[i].sum += from[i].sum;
    to[i].squares += from[i].squares;
  }
}

// Then, for one of the block's groups: the sums of its channels.
C10_HOST_DEVICE inline NormSums GroupSums(const NormArguments& a, int group,
                                          const NormSums* sums) {
  const int channels = GroupChannels(a);
  NormSums total{0, 0};
  for (int i = 0; i < channels; ++i) {
    total.sum += sums[group * channels + i].sum;
    total.squares += sums[group * channels + i].squares;
  }
  return total;
}

C10_HOST_DEVICE inline NormSums* PartialSums(const NormArguments& a,
                                             const NormLayout& layout,
                                             int image, int chunk) {
  return reinterpret_cast<NormSums*>(a.partial_sums) +
         (static_cast<int64_t>(image) * layout.chunks + chunk) * a.groups;
}

// The sums that the blocks of a second launch begin with.
C10_HOST_DEVICE inline NormSums JoinChunks(const NormArguments& a,
                                           const NormLayout& layout, int image,
                                           int group) {
  NormSums total{0, 0};
  for (int chunk = 0; chunk < layout.chunks; ++chunk) {
    const NormSums part = PartialSums(a, layout, image, chunk)[group];
    total.sum += part.sum;
    total.squares += part.squares;
  }
  return total;
}

template <typename T>
C10_HOST_DEVICE NormStatistics StatisticsOf(const NormArguments& a, int image,
                                            int group, const NormSums& sums) {
  constexpr float kEpsilon = 1e-5f;
  const float count =
      static_cast<float>(a.pixels) * static_cast<float>(GroupChannels(a));
  const float above = sums.sum / count;
  const float variance = sums.squares / count - above * above;
  return NormStatistics{
      Pivot<T>(a, image, group) + above,
      1.0f / sqrtf((variance > 0.0f ? variance : 0.0f) + kEpsilon)};
}

// Last: the output of the thread's channels and pixels. `statistics` are of the
// block's groups.
template <typename T, typename Out, int kVector>
C10_HOST_DEVICE void Normalize(const NormArguments& a, const NormLayout& layout,
                               const NormBlock& at,
                               const NormStatistics* statistics) {
  const int first_channel = at.channel(layout);
  const int channels = a.first_channels + a.second_channels;
  // out = (x - mean) * scale + shift
  float mean[kVector];
  float scale[kVector];
  float shift[kVector];
  for (int i = 0; i < kVector; ++i) {
    const int channel = first_channel + i;
    const NormStatistics group =
        statistics[(at.offset(layout) + i) / GroupChannels(a)];
    const float factor = 1.0f + Extra(a.scale, a, at.image, channel);
    mean[i] = group.mean - Added(a, at.image, channel);
    scale[i] = group.deviation_inverse * a.weight[channel] * factor;
    shift[i] = a.bias[channel] * factor + Extra(a.shift, a, at.image, channel);
  }
  const int end = at.end_pixel(a, layout);
  for (int pixel = at.chunk * layout.chunk_pixels + at.lane(layout);
       pixel < end; pixel += layout.lanes) {
    const NormVector<T, kVector> x =
        LoadVector<T, kVector>(a, at.image, pixel, first_channel);
    NormVector<Out, kVector> y;
    for (int i = 0; i < kVector; ++i) {
      float value =
          (static_cast<float>(x.values[i]) - mean[i]) * scale[i] + shift[i];
      if (a.silu) value = value / (1.0f + expf(-value));
      y.values[i] = static_cast<Out>(value);
    }
    const int64_t row = static_cast<int64_t>(at.image) * a.pixels + pixel;
    *reinterpret_cast<NormVector<Out, kVector>*>(
        static_cast<Out*>(a.out) + row * channels + first_channel) = y;
  }
}

}  // namespace cascade
