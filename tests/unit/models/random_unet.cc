#include "tests/unit/models/random_unet.h"

#include <cmath>

#include "models/sampling/counter_noise.h"

namespace cascade {

UNetConfig BaseConfig() {
  UNetConfig config;
  config.model_channels = 32;
  config.channel_mult = {1, 2};
  config.num_res_blocks = 1;
  config.attention_downsampling = {2};
  config.num_head_channels = 16;
  config.norm_groups = 8;
  config.num_classes = 3;
  config.null_class = true;
  return config;
}

UNetConfig SuperResolutionConfig() {
  UNetConfig config = BaseConfig();
  config.super_resolution = true;
  config.augmentation_embedding = true;
  config.attention_order = AttentionOrder::kNew;
  config.attention_downsampling = {1, 2};
  return config;
}

std::vector<UNetKind> UNetKinds() {
  UNetKind added{"EmbeddingAdded", BaseConfig()};
  added.config.scale_shift_norm = false;
  UNetKind convolved{"ConvResample", BaseConfig()};
  convolved.config.resblock_updown = false;
  UNetKind pooled{"Pooled", BaseConfig()};
  pooled.config.resblock_updown = false;
  pooled.config.conv_resample = false;
  pooled.config.channel_mult = {1, 1, 2};
  pooled.config.num_res_blocks = 2;
  pooled.config.num_classes = 0;
  pooled.config.null_class = false;
  // Like those of small cascades; channels that fill no vector.
  UNetKind narrow{"Narrow", BaseConfig()};
  narrow.config.image_channels = 1;
  narrow.config.out_channels = 1;
  narrow.config.model_channels = 24;
  narrow.config.num_head_channels = 0;
  narrow.config.num_heads = 2;
  return {{"Base", BaseConfig()},
          {"SuperResolution", SuperResolutionConfig()},
          added,
          convolved,
          pooled,
          narrow};
}

StageSpec StageOf(const UNetConfig& config, int resolution) {
  StageSpec spec;
  spec.resolution = resolution;
  spec.low_resolution = config.super_resolution ? resolution / 2 : 0;
  spec.channels = config.image_channels;
  spec.num_classes = config.num_classes;
  spec.has_null_class = config.null_class;
  spec.augmentation.enabled = config.augmentation_embedding;
  return spec;
}

std::shared_ptr<nn::UNet> RandomUNet(const UNetConfig& config, uint64_t seed) {
  auto unet = std::make_shared<nn::UNet>(config);
  at::NoGradGuard no_grad;
  uint32_t index = 0;
  for (at::Tensor& parameter : unet->parameters()) {
    std::vector<float> values(static_cast<size_t>(parameter.numel()));
    FillNormal({.seed = seed, .step = index++}, values);
    // By fan-in, so that activations neither die nor explode; norms near 1.
    const bool is_vector = parameter.dim() == 1;
    const double scale = is_vector
                             ? 0.1
                             : 1 / std::sqrt(static_cast<double>(
                                       parameter.numel() / parameter.size(0)));
    float* out = parameter.data_ptr<float>();
    for (size_t i = 0; i < values.size(); ++i) {
      out[i] =
          static_cast<float>(scale) * values[i] + (is_vector ? 0.5f : 0.0f);
    }
  }
  return unet;
}

}  // namespace cascade
