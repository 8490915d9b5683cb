#pragma once

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include "models/cuda/fused_norm.h"

namespace cascade {

// Types and vector width of a norm, for templates.
template <typename Input, typename Output, int kVectorChannels>
struct NormTraits {
  using In = Input;
  using Out = Output;
  static constexpr int kVector = kVectorChannels;
};

// Calls `run` with the NormTraits of the arguments.
template <typename Run>
void WithNormTraits(const NormArguments& a, const NormLayout& layout, Run run) {
  const auto with_types = [&](auto in, auto out, auto width) {
    using In = decltype(in);
    using Out = decltype(out);
    constexpr int kVector = decltype(width)::kVector;
    if (layout.vector == 1) {
      run(NormTraits<In, Out, 1>());
    } else {
      run(NormTraits<In, Out, kVector>());
    }
  };
  using Four = NormTraits<void, void, 4>;
  using Eight = NormTraits<void, void, 8>;
  const bool widens = a.type != a.out_type;
  if (a.type == NormType::kFloat) {
    with_types(float(), float(), Four());
  } else if (a.type == NormType::kBFloat16 && widens) {
    with_types(c10::BFloat16(), float(), Eight());
  } else if (a.type == NormType::kBFloat16) {
    with_types(c10::BFloat16(), c10::BFloat16(), Eight());
  } else if (widens) {
    with_types(c10::Half(), float(), Eight());
  } else {
    with_types(c10::Half(), c10::Half(), Eight());
  }
}

}  // namespace cascade
