#include "models/plan/fused_norm.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "models/plan/instruction_set.h"
#include "models/plan/norm_problem.h"

namespace cascade {
namespace {

// What a pixel's channels are multiplied by, and what is added then.
struct Affine {
  std::vector<float> factor;
  std::vector<float> offset;
};

// From the sums of an image's channels.
void FillAffine(const NormParameters& parameters, int64_t image, int64_t pixels,
                const std::vector<double>& sums,
                const std::vector<double>& squares, Affine& affine) {
  constexpr double kEpsilon = 1e-5;
  const int64_t channels = static_cast<int64_t>(sums.size());
  const int64_t width = channels / parameters.groups;
  const double count = static_cast<double>(pixels);
  const auto of = [&](const float* values, int64_t c) {
    return values == nullptr
               ? 0.0
               : static_cast<double>(values[image * parameters.stride + c]);
  };
  for (int64_t group = 0; group < parameters.groups; ++group) {
    double sum = 0;
    double square = 0;
    for (int64_t c = group * width; c < (group + 1) * width; ++c) {
      const size_t i = static_cast<size_t>(c);
      const double add = of(parameters.add, c);
      sum += sums[i] + count * add;
      square += squares[i] + add * (2 * sums[i] + count * add);
    }
    const double elements = count * static_cast<double>(width);
    const double mean = sum / elements;
    const double variance = std::max(square / elements - mean * mean, 0.0);
    const double inverse = 1.0 / std::sqrt(variance + kEpsilon);
    for (int64_t c = group * width; c < (group + 1) * width; ++c) {
      const size_t i = static_cast<size_t>(c);
      const double scale = 1.0 + of(parameters.scale, c);
      const double factor =
          inverse * static_cast<double>(parameters.weight[c]) * scale;
      affine.factor[i] = static_cast<float>(factor);
      affine.offset[i] =
          static_cast<float>((of(parameters.add, c) - mean) * factor +
                             static_cast<double>(parameters.bias[c]) * scale +
                             of(parameters.shift, c));
    }
  }
}

template <typename T>
void AddSums(std::optional<InstructionSet> instructions,
             const NormSums<T>& problem) {
  if (instructions == InstructionSet::kAvx512) {
    AddSumsAvx512(problem);
  } else if (instructions == InstructionSet::kAvx2) {
    AddSumsAvx2(problem);
  } else {
    AddSumsBaseline(problem);
  }
}

template <typename In, typename Out>
void Apply(std::optional<InstructionSet> instructions,
           const NormApply<In, Out>& problem) {
  if (instructions == InstructionSet::kAvx512) {
    ApplyNormAvx512(problem);
  } else if (instructions == InstructionSet::kAvx2) {
    ApplyNormAvx2(problem);
  } else {
    ApplyNormBaseline(problem);
  }
}

// The two pieces of an image: how many channels, and what lies in front of them
// in the output.
template <typename T>
struct Piece {
  const T* pixels;
  int64_t channels;
  int64_t before;
};

}  // namespace

template <typename T, typename Out>
void FusedNorm(const NormInput<T>& input, const NormParameters& parameters,
               std::optional<InstructionSet> instructions, int64_t begin,
               int64_t end, Out* out) {
  const int64_t first = input.first_channels;
  const int64_t second = input.second_channels;
  const int64_t channels = first + second;
  const size_t size = static_cast<size_t>(channels);
  std::vector<double> sums(size);
  std::vector<double> squares(size);
  Affine affine{std::vector<float>(size), std::vector<float>(size)};
  for (int64_t image = begin; image < end; ++image) {
    const Piece<T> pieces[] = {
        {input.first + image * input.pixels * first, first, 0},
        {input.second + image * input.pixels * second, second, first}};
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(squares.begin(), squares.end(), 0.0);
    for (const auto& [pixels, count, before] : pieces) {
      AddSums<T>(instructions, {.pixels = pixels,
                                .num_pixels = input.pixels,
                                .channels = count,
                                .sums = sums.data() + before,
                                .squares = squares.data() + before});
    }
    FillAffine(parameters, image, input.pixels, sums, squares, affine);
    for (const auto& [pixels, count, before] : pieces) {
      Apply<T, Out>(instructions,
                    {.pixels = pixels,
                     .num_pixels = input.pixels,
                     .channels = count,
                     .factor = affine.factor.data() + before,
                     .offset = affine.offset.data() + before,
                     .silu = parameters.silu,
                     .out_stride = channels,
                     .out = out + image * input.pixels * channels + before});
    }
  }
}

template void FusedNorm(const NormInput<float>&, const NormParameters&,
                        std::optional<InstructionSet>, int64_t, int64_t,
                        float*);
template void FusedNorm(const NormInput<Bf16>&, const NormParameters&,
                        std::optional<InstructionSet>, int64_t, int64_t, Bf16*);
template void FusedNorm(const NormInput<Bf16>&, const NormParameters&,
                        std::optional<InstructionSet>, int64_t, int64_t,
                        float*);

}  // namespace cascade
