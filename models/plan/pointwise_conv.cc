#include "models/plan/pointwise_conv.h"

#include "models/plan/pointwise_problem.h"
#include "models/plan/thread_workspace.h"
#include "models/plan/weight_panels.h"

namespace cascade {
namespace {

std::vector<float> Pack(std::span<const float> weight, int64_t out_channels,
                        int64_t in_channels, InstructionSet instructions) {
  const WeightPanels panels(in_channels, out_channels, instructions);
  std::vector<float> packed(weight.size());
  for (int64_t out = 0; out < out_channels; ++out) {
    for (int64_t in = 0; in < in_channels; ++in) {
      packed[static_cast<size_t>(panels.Position(in, out))] =
          weight[static_cast<size_t>(out * in_channels + in)];
    }
  }
  return packed;
}

}  // namespace

PointwiseConv::PointwiseConv(std::span<const float> weight,
                             std::span<const float> bias,
                             InstructionSet instructions)
    : instructions_(instructions),
      out_channels_(static_cast<int64_t>(bias.size())),
      in_channels_(static_cast<int64_t>(weight.size() / bias.size())),
      bias_(bias.begin(), bias.end()),
      weights_(Pack(weight, out_channels_, in_channels_, instructions)) {}

int64_t PointwiseConv::Blocks(int64_t pixels) const {
  constexpr int64_t kBlock = PointwiseProblem<float>::kBlock;
  return (pixels + kBlock - 1) / kBlock;
}

template <typename T>
void PointwiseConv::Run(int64_t pixels, const T* x, const T* residual,
                        int64_t begin, int64_t end, T* out) const {
  const PointwiseProblem<T> problem{.x = x,
                                    .out = out,
                                    .residual = residual,
                                    .rows = pixels,
                                    .in_channels = in_channels_,
                                    .out_channels = out_channels_,
                                    .weights = weights_.data(),
                                    .bias = bias_.data()};
  float* workspace = ThreadWorkspace(PointwiseProblem<T>::kBlock *
                                     (in_channels_ + out_channels_ + 32));
  if (instructions_ == InstructionSet::kAvx512) {
    PointwiseAvx512(problem, begin, end, workspace);
  } else {
    PointwiseAvx2(problem, begin, end, workspace);
  }
}

template void PointwiseConv::Run(int64_t, const float*, const float*, int64_t,
                                 int64_t, float*) const;
template void PointwiseConv::Run(int64_t, const Bf16*, const Bf16*, int64_t,
                                 int64_t, Bf16*) const;

}  // namespace cascade
