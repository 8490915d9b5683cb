#include "models/training/train_config.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "models/weights/json_fields.h"
#include "models/weights/spec_json.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

void ReadImageAugmentation(JsonFields fields, ImageAugmentation* augmentation,
                           JsonFields* parent) {
  fields.Double("probability", &augmentation->probability, 0, 1);
  fields.Double("rotate_degrees", &augmentation->rotate_degrees, 0, 180);
  fields.Double("shift", &augmentation->shift, 0, 0.5);
  fields.Double("scale", &augmentation->scale, 0, 0.9);
  fields.Double("shear", &augmentation->shear, 0, 1);
  fields.Bool("flip", &augmentation->flip);
  parent->Merge(fields.Finish());
}

void ReadOptimizer(JsonFields fields, OptimizerOptions* options,
                   JsonFields* parent) {
  fields.RequiredInt("steps", &options->steps, 1, 1 << 30);
  fields.Int("batch_size", &options->batch_size, 1, 65536);
  fields.Double("learning_rate", &options->learning_rate, 0, 1);
  options->final_learning_rate = options->learning_rate;
  fields.Double("final_learning_rate", &options->final_learning_rate, 0, 1);
  fields.Choice("decay", &options->decay, {"constant", "linear", "cosine"});
  fields.Int("warmup_steps", &options->warmup_steps, 0, 1 << 30);
  fields.Double("beta1", &options->beta1, 0, 0.9999999);
  fields.Double("beta2", &options->beta2, 0, 0.9999999);
  fields.Double("epsilon", &options->epsilon, 0, 1);
  fields.Double("weight_decay", &options->weight_decay, 0, 100);
  fields.Double("gradient_clip", &options->gradient_clip, 0, 1e6);
  fields.Double("ema_decay", &options->ema_decay, 0, 0.9999999);
  fields.Double("label_dropout", &options->label_dropout, 0, 1);
  parent->Merge(fields.Finish());
}

void ReadData(JsonFields fields, TrainConfig* config, JsonFields* parent) {
  fields.RequiredString("train", &config->train_folder);
  fields.String("test", &config->test_folder);
  config->cache_resolution = config->resolution;
  fields.Int("cache_resolution", &config->cache_resolution, 1, 4096);
  if (config->resolution > 0 &&
      config->cache_resolution % config->resolution != 0) {
    fields.Fail(
        "cache_resolution",
        absl::StrCat("must be a multiple of resolution (", config->resolution,
                     "), is ", config->cache_resolution));
  }
  parent->Merge(fields.Finish());
}

// The parts of the network that follow from the rest of the configuration.
void DeriveNetwork(TrainConfig* config) {
  UNetConfig& network = config->network;
  network.image_channels = config->channels;
  network.out_channels =
      config->channels *
      (config->diffusion.variance == VarianceKind::kLearnedRange ? 2 : 1);
  network.super_resolution = config->low_resolution > 0;
  network.augmentation_embedding = config->augmentation.enabled;
}

}  // namespace

absl::StatusOr<TrainConfig> ReadTrainConfig(const std::string& path) {
  ASSIGN_OR_RETURN(const nlohmann::ordered_json json, ReadJsonFile(path));
  TrainConfig config;
  JsonFields fields(json, path, "");
  fields.RequiredString("name", &config.name);
  fields.Int("stage_index", &config.stage_index, 0, 15);
  fields.RequiredInt("resolution", &config.resolution, 4, 4096);
  fields.Int("low_resolution", &config.low_resolution, 0, 2048);
  fields.RequiredInt("channels", &config.channels, 1, 3);
  fields.RequiredString("output", &config.output);
  fields.Uint64("seed", &config.seed);
  fields.Int("log_every", &config.log_every, 1, 1 << 30);
  fields.Int("checkpoint_every", &config.checkpoint_every, 1, 1 << 30);
  fields.Int("sample_every", &config.sample_every, 1, 1 << 30);
  ReadData(fields.Object("data", /*required=*/true), &config, &fields);
  ReadImageAugmentation(fields.Object("image_augmentation", false),
                        &config.image_augmentation, &fields);
  fields.Merge(ReadNetwork(fields.Object("network", true), &config.network));
  fields.Merge(
      ReadDiffusion(fields.Object("diffusion", true), &config.diffusion));
  if (fields.Has("conditioning_augmentation")) {
    fields.Merge(
        ReadAugmentation(fields.Object("conditioning_augmentation", true),
                         &config.augmentation));
  }
  fields.Merge(ReadSampler(fields.Object("sampler", false),
                           config.diffusion.num_timesteps, &config.sampler));
  ReadOptimizer(fields.Object("optimizer", true), &config.optimizer, &fields);

  if (config.channels == 2) fields.Fail("channels", "must be 1 or 3, is 2");
  if (config.low_resolution > 0 &&
      config.resolution % config.low_resolution != 0) {
    fields.Fail("low_resolution",
                absl::StrCat("must divide resolution (", config.resolution,
                             "), is ", config.low_resolution));
  }
  if (config.augmentation.enabled && config.low_resolution == 0) {
    fields.Fail("conditioning_augmentation", "needs a low_resolution");
  }
  if (config.optimizer.label_dropout > 0 && !config.network.null_class) {
    fields.Fail("optimizer.label_dropout", "needs network.null_class");
  }
  RETURN_IF_ERROR(fields.Finish());

  DeriveNetwork(&config);
  if (absl::Status status = config.network.Validate(); !status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": network.", status.message()));
  }
  const int deepest = 1 << (config.network.channel_mult.size() - 1);
  if (config.resolution % deepest != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": network.channel_mult has ", config.network.channel_mult.size(),
        " levels, which resolution ", config.resolution,
        " cannot be halved to"));
  }
  return config;
}

std::string StageJson(const TrainConfig& config) {
  nlohmann::ordered_json json = {
      {"name", config.name},
      {"resolution", config.resolution},
      {"channels", config.channels},
      {"network", WriteNetwork(config.network)},
      {"diffusion", WriteDiffusion(config.diffusion)},
      {"sampler", WriteSampler(config.sampler)},
  };
  if (config.low_resolution > 0) {
    json["low_resolution"] = config.low_resolution;
  }
  if (config.augmentation.enabled) {
    json["conditioning_augmentation"] = WriteAugmentation(config.augmentation);
  }
  return json.dump();
}

}  // namespace cascade
