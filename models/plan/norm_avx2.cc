#include "models/plan/norm_loops.h"

namespace cascade {

template <typename T>
void AddSumsAvx2(const NormSums<T>& problem) {
  AddSums<8>(problem);
}

template <typename In, typename Out>
void ApplyNormAvx2(const NormApply<In, Out>& problem) {
  Apply<8>(problem);
}

template void AddSumsAvx2(const NormSums<float>&);
template void AddSumsAvx2(const NormSums<Bf16>&);
template void ApplyNormAvx2(const NormApply<float, float>&);
template void ApplyNormAvx2(const NormApply<Bf16, Bf16>&);
template void ApplyNormAvx2(const NormApply<Bf16, float>&);

}  // namespace cascade
