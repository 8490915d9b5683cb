#include "models/plan/planned_norm.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "models/plan/fused_norm.h"

namespace cascade {
namespace {

static_assert(sizeof(Bf16) == sizeof(at::BFloat16));

template <typename T>
const T* Data(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<const T*>(tensor.const_data_ptr())
                          : nullptr;
}

template <typename In, typename Out>
void RunTyped(const at::Tensor& x, const at::Tensor& second,
              const NormParameters& parameters,
              std::optional<InstructionSet> instructions, at::Tensor& out) {
  const NormInput<In> input{
      .first = Data<In>(x),
      .second = Data<In>(second),
      .images = x.size(0),
      .pixels = x.size(2) * x.size(3),
      .first_channels = x.size(1),
      .second_channels = second.defined() ? second.size(1) : 0};
  Out* to = static_cast<Out*>(out.mutable_data_ptr());
  at::parallel_for(0, input.images, /*grain_size=*/1,
                   [&](int64_t begin, int64_t end) {
                     FusedNorm(input, parameters, instructions, begin, end, to);
                   });
}

}  // namespace

PlannedNorm::PlannedNorm(const at::Tensor& weight, const at::Tensor& bias,
                         int64_t groups)
    : weight_(weight.contiguous()),
      bias_(bias.contiguous()),
      groups_(groups),
      instructions_(BestInstructionSet()) {}

at::Tensor PlannedNorm::Run(const at::Tensor& x, const at::Tensor& second,
                            const Extras& extras, at::ScalarType dtype) const {
  const auto channels_last = at::MemoryFormat::ChannelsLast;
  TORCH_CHECK(x.is_contiguous(channels_last),
              "a norm's input is channels-last");
  TORCH_CHECK(!second.defined() || second.is_contiguous(channels_last),
              "a norm's second input is channels-last");
  NormParameters parameters{.groups = groups_,
                            .weight = Data<float>(weight_),
                            .bias = Data<float>(bias_),
                            .add = Data<float>(extras.add),
                            .scale = Data<float>(extras.scale),
                            .shift = Data<float>(extras.shift),
                            .stride = 0,
                            .silu = extras.silu};
  for (const at::Tensor& extra : {extras.add, extras.scale, extras.shift}) {
    if (extra.defined()) parameters.stride = extra.stride(0);
  }
  at::Tensor out = at::empty({x.size(0), weight_.size(0), x.size(2), x.size(3)},
                             x.options().dtype(dtype), channels_last);
  if (x.scalar_type() == at::kFloat) {
    RunTyped<float, float>(x, second, parameters, instructions_, out);
  } else if (dtype == at::kFloat) {
    RunTyped<Bf16, float>(x, second, parameters, instructions_, out);
  } else {
    RunTyped<Bf16, Bf16>(x, second, parameters, instructions_, out);
  }
  return out;
}

}  // namespace cascade
