#include "models/runtime/stage_network.h"

#include <utility>
#include <vector>

#include "models/nn/layers.h"
#include "models/plan/unet_plan.h"

namespace cascade {
namespace {

class ModuleNetwork final : public StageNetwork {
 public:
  ModuleNetwork(std::shared_ptr<nn::UNet> unet, at::Device device)
      : unet_(std::move(unet)), device_(device) {
    unet_->eval();
  }

  at::Device device() const override { return device_; }

  int64_t weight_bytes() const override {
    size_t bytes = 0;
    for (const at::Tensor& weight : unet_->parameters()) {
      bytes += weight.nbytes();
    }
    return static_cast<int64_t>(bytes);
  }

  at::Tensor Run(const nn::UNetInput& input) const override {
    return unet_->forward(input);
  }

 private:
  const std::shared_ptr<nn::UNet> unet_;
  const at::Device device_;
};

class PlanNetwork final : public StageNetwork {
 public:
  PlanNetwork(const nn::UNet& unet, const UNetPlan::Options& options)
      : plan_(unet, options) {}

  at::Device device() const override { return at::kCPU; }
  int64_t weight_bytes() const override { return plan_.weight_bytes(); }
  at::Tensor Run(const nn::UNetInput& input) const override {
    return plan_.Run(input);
  }

 private:
  const UNetPlan plan_;
};

std::shared_ptr<nn::UNet> CopyTo(const nn::UNet& unet, at::Device device) {
  const nn::UninitializedScope uninitialized;
  const at::NoGradGuard no_grad;
  auto copy = std::make_shared<nn::UNet>(unet.config());
  copy->to(device);
  const std::vector<at::Tensor> source = unet.parameters();
  const std::vector<at::Tensor> target = copy->parameters();
  for (size_t i = 0; i < source.size(); ++i) target[i].copy_(source[i]);
  return copy;
}

}  // namespace

std::unique_ptr<StepKernels> StageNetwork::MakeStepKernels(
    const StageSpec& /*spec*/, int /*max_rows*/) const {
  return device().is_cpu() ? MakeHostKernels() : MakeAtenKernels();
}

std::unique_ptr<StageNetwork> ServeModules(std::shared_ptr<nn::UNet> unet,
                                           at::Device device) {
  if (!device.is_cpu()) unet = CopyTo(*unet, device);
  return std::make_unique<ModuleNetwork>(std::move(unet), device);
}

std::unique_ptr<StageNetwork> ServePlan(const nn::UNet& unet,
                                        const StageSpec& spec,
                                        Precision precision) {
  return std::make_unique<PlanNetwork>(
      unet,
      UNetPlan::Options{
          .dtype = precision == Precision::kBf16 ? at::kBFloat16 : at::kFloat,
          .size = spec.resolution});
}

}  // namespace cascade
