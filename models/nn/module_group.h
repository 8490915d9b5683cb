#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <utility>

namespace cascade::nn {

// A name level of the state dict: holds modules under the numbers that they
// have in the published networks.
class ModuleGroup : public torch::nn::Module {
 public:
  template <typename T>
  std::shared_ptr<T> Add(std::string name, std::shared_ptr<T> module) {
    return register_module(std::move(name), std::move(module));
  }
};

}  // namespace cascade::nn
