#include "models/runtime/stage_network.h"

#include <utility>

namespace cascade {
namespace {

class ModuleNetwork final : public StageNetwork {
 public:
  ModuleNetwork(std::shared_ptr<nn::UNet> unet, at::Device device)
      : unet_(std::move(unet)), device_(device) {
    unet_->to(device_);
    unet_->eval();
  }

  at::Device device() const override { return device_; }

  at::Tensor Run(const nn::UNetInput& input) const override {
    return unet_->forward(input);
  }

 private:
  const std::shared_ptr<nn::UNet> unet_;
  const at::Device device_;
};

}  // namespace

std::unique_ptr<StageNetwork> ServeModules(std::shared_ptr<nn::UNet> unet,
                                           at::Device device) {
  return std::make_unique<ModuleNetwork>(std::move(unet), device);
}

}  // namespace cascade
