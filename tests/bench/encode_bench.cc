// What it costs to turn pixels into what a client asked for.

#include <benchmark/benchmark.h>

#include <cstdint>

#include "models/host_image.h"
#include "server/encode/image_encoder.h"
#include "server/job/generation_request.h"
#include "server/metrics/metrics.h"

namespace cascade {
namespace {

// A smooth gradient with some texture: between a photograph and a drawing.
HostImage Picture(int size, int channels) {
  HostImage image{size, size, channels, {}};
  uint32_t state = 1;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      for (int c = 0; c < channels; ++c) {
        state = state * 1664525u + 1013904223u;
        const uint32_t smooth = static_cast<uint32_t>(255 * (x + (c + 1) * y)) /
                                static_cast<uint32_t>((channels + 1) * size);
        image.pixels.push_back(
            static_cast<uint8_t>((smooth + (state >> 29)) & 255));
      }
    }
  }
  return image;
}

void BM_Encode(benchmark::State& state, ImageFormat format) {
  Metrics metrics("bench");
  const ImageEncoder encoder(metrics);
  OutputOptions options;
  options.format = format;
  const HostImage image = Picture(static_cast<int>(state.range(0)),
                                  static_cast<int>(state.range(1)));
  size_t bytes = 0;
  for (auto _ : state) {
    const auto encoded = encoder.Encode(image, options);
    if (!encoded.ok()) {
      state.SkipWithError(encoded.status().ToString().c_str());
      return;
    }
    bytes = encoded->bytes.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  state.SetItemsProcessed(state.iterations());
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"size", "channels"});
  benchmark->Args({32, 1})->Args({64, 3})->Args({256, 3})->Args({1024, 3});
  benchmark->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(BM_Encode, png, ImageFormat::kPng)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Encode, jpeg, ImageFormat::kJpeg)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Encode, webp, ImageFormat::kWebp)->Apply(Sizes);
BENCHMARK_CAPTURE(BM_Encode, raw, ImageFormat::kRaw)->Apply(Sizes);

}  // namespace
}  // namespace cascade

BENCHMARK_MAIN();
