#pragma once

#include <memory>

#include "models/cascade_model.h"
#include "models/nn/unet.h"
#include "models/runtime/stage_network.h"
#include "models/runtime/torch_stage_executor.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"

namespace cascade {

// A stage, for random weights.
struct CardStage {
  StageSpec spec;
  UNetConfig network;
};

// 32x32, RGB, ten classes with a null class, learned variance, attention.
CardStage SmallBase();
// 32x32 to 64x64, with augmentation; a norm of more than one block.
CardStage SmallSuperResolution();

// On a card, as the server loads it.
std::shared_ptr<const StageNetwork> OnCard(
    const CardStage& stage, const nn::UNet& unet, at::Device card,
    at::ScalarType dtype, Reproducibility reproducibility, int max_rows);

// What the server would probe, and an executor with it.
ExecutorLimits ProbedLimits(const CardStage& stage, const StageNetwork& network,
                            int max_rows, int slots);

}  // namespace cascade
