#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/nn/unet.h"
#include "models/stage_spec.h"

namespace cascade {

// Small U-Nets with random weights: the zeros of a fresh network hide errors.

struct UNetKind {
  std::string name;
  UNetConfig config;
};

// Every way that blocks differ in. Sizes of images are multiples of 4.
std::vector<UNetKind> UNetKinds();
// Two of them: of three classes and a null class, and that with everything that
// super-resolution adds.
UNetConfig BaseConfig();
UNetConfig SuperResolutionConfig();

// The stage of `resolution` that a network would serve.
StageSpec StageOf(const UNetConfig& config, int resolution);

// A network with weights that are a function of `seed`.
std::shared_ptr<nn::UNet> RandomUNet(const UNetConfig& config, uint64_t seed);

}  // namespace cascade
