#include "models/plan/norm_loops.h"

namespace cascade {

template <typename T>
void AddSumsBaseline(const NormSums<T>& problem) {
  AddSums<4>(problem);
}

template <typename In, typename Out>
void ApplyNormBaseline(const NormApply<In, Out>& problem) {
  Apply<4>(problem);
}

template void AddSumsBaseline(const NormSums<float>&);
template void AddSumsBaseline(const NormSums<Bf16>&);
template void ApplyNormBaseline(const NormApply<float, float>&);
template void ApplyNormBaseline(const NormApply<Bf16, Bf16>&);
template void ApplyNormBaseline(const NormApply<Bf16, float>&);

}  // namespace cascade
