#include "models/plan/norm_loops.h"

namespace cascade {

template <typename T>
void AddSumsAvx512(const NormSums<T>& problem) {
  AddSums<16>(problem);
}

template <typename In, typename Out>
void ApplyNormAvx512(const NormApply<In, Out>& problem) {
  Apply<16>(problem);
}

template void AddSumsAvx512(const NormSums<float>&);
template void AddSumsAvx512(const NormSums<Bf16>&);
template void ApplyNormAvx512(const NormApply<float, float>&);
template void ApplyNormAvx512(const NormApply<Bf16, Bf16>&);
template void ApplyNormAvx512(const NormApply<Bf16, float>&);

}  // namespace cascade
