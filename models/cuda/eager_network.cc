#include "models/cuda/eager_network.h"

#include "models/cuda/card_plan.h"
#include "models/cuda/card_step_kernels.h"
#include "models/cuda/card_stream.h"

namespace cascade {
namespace {

class EagerNetwork final : public StageNetwork {
 public:
  EagerNetwork(const nn::UNet& unet, const CardMath& math)
      : math_(math), plan_(unet, math) {
    Synchronize(math.device);  // Other streams may run it.
  }

  at::Device device() const override { return math_.device; }
  int64_t weight_bytes() const override { return plan_.weight_bytes(); }
  at::Tensor Run(const nn::UNetInput& input) const override {
    return plan_.Run(input).contiguous();
  }
  std::unique_ptr<StepKernels> MakeStepKernels(const StageSpec& spec,
                                               int max_rows) const override {
    return MakeCardStepKernels(*math_.functions, spec, max_rows, math_.device);
  }

 private:
  const CardMath math_;
  const CardPlan plan_;
};

}  // namespace

std::unique_ptr<StageNetwork> ServeEagerly(const nn::UNet& unet,
                                           const CardMath& math) {
  return std::make_unique<EagerNetwork>(unet, math);
}

}  // namespace cascade
