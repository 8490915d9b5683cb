#pragma once

#include <string>

#include "models/nn/unet.h"
#include "models/nn/unet_config.h"

namespace cascade {

// A network whose weights, inputs and outputs openai/guided-diffusion recorded:
// a folder of the reference tensors.
struct RecordedNetwork {
  std::string name;
  std::string folder;
  UNetConfig config;  // With the attention order of its weights.
};

// False: there are no reference tensors on this machine, and tests are skipped.
bool HaveRecordedNetworks();

// The constructor arguments of the reference, as our configuration. Fails the
// test when they cannot be read.
RecordedNetwork ReadRecordedNetwork(const std::string& name);

// What the network was given.
nn::UNetInput RecordedInput(const RecordedNetwork& recorded);

// The largest error of `output`, in standard deviations of the recorded one.
double RecordedOutputError(const RecordedNetwork& recorded,
                           const at::Tensor& output);

}  // namespace cascade
