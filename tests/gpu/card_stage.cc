#include "tests/gpu/card_stage.h"

#include <utility>

#include "models/cuda/serve_on_card.h"
#include "models/runtime/batch_probe.h"
#include "models/runtime/slot_pool.h"

namespace cascade {

CardStage SmallBase() {
  CardStage stage;
  stage.spec.name = "32x32";
  stage.spec.resolution = 32;
  stage.spec.channels = 3;
  stage.spec.num_classes = 10;
  stage.spec.has_null_class = true;
  stage.spec.diffusion.variance = VarianceKind::kLearnedRange;
  stage.network.out_channels = 6;
  stage.network.model_channels = 64;
  stage.network.channel_mult = {1, 2, 2};
  stage.network.num_res_blocks = 2;
  stage.network.attention_downsampling = {2, 4};
  stage.network.num_head_channels = 32;
  stage.network.num_classes = 10;
  stage.network.null_class = true;
  return stage;
}

CardStage SmallSuperResolution() {
  CardStage stage;
  stage.spec.name = "64x64";
  stage.spec.index = 1;
  stage.spec.resolution = 64;
  stage.spec.low_resolution = 32;
  stage.spec.channels = 3;
  stage.spec.num_classes = 10;
  stage.spec.has_null_class = true;
  stage.spec.augmentation.enabled = true;
  stage.network.model_channels = 64;
  stage.network.channel_mult = {1, 2};
  stage.network.num_res_blocks = 1;
  stage.network.attention_downsampling = {2};
  stage.network.attention_order = AttentionOrder::kNew;
  stage.network.num_head_channels = 64;
  stage.network.num_classes = 10;
  stage.network.null_class = true;
  stage.network.super_resolution = true;
  stage.network.augmentation_embedding = true;
  return stage;
}

std::shared_ptr<const StageNetwork> OnCard(
    const CardStage& stage, const nn::UNet& unet, at::Device card,
    at::ScalarType dtype, Reproducibility reproducibility, int max_rows) {
  return ServeOnCard(unet, stage.spec, card,
                     {.dtype = dtype,
                      .max_batch_rows = max_rows,
                      .reproducibility = reproducibility});
}

ExecutorLimits ProbedLimits(const CardStage& stage, const StageNetwork& network,
                            int max_rows, int slots) {
  BatchProbe probe = ProbeBatches(network, stage.spec, max_rows,
                                  Reproducibility::kExact, absl::Seconds(30));
  ExecutorLimits limits;
  limits.slots = slots;
  limits.batch_rows = std::move(probe.rows);
  limits.costs = std::move(probe.costs);
  limits.weight_bytes = network.weight_bytes();
  limits.bytes_per_slot = SlotPool::BytesPerSlot(stage.spec);
  return limits;
}

}  // namespace cascade
