#include "models/training/train_config.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "models/weights/json_fields.h"
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
  config->cache_resolution = config->stage.spec.resolution;
  fields.Int("cache_resolution", &config->cache_resolution, 1, 4096);
  if (config->stage.spec.resolution > 0 &&
      config->cache_resolution % config->stage.spec.resolution != 0) {
    fields.Fail("cache_resolution",
                absl::StrCat("must be a multiple of resolution (",
                             config->stage.spec.resolution, "), is ",
                             config->cache_resolution));
  }
  parent->Merge(fields.Finish());
}

}  // namespace

absl::StatusOr<TrainConfig> ReadTrainConfig(const std::string& path) {
  ASSIGN_OR_RETURN(const nlohmann::ordered_json json, ReadJsonFile(path));
  TrainConfig config;
  JsonFields fields(json, path, "");
  StageManifest& stage = config.stage;
  fields.Int("stage_index", &stage.spec.index, 0, 15);
  fields.Merge(ReadStage(fields.Object("stage", true), &stage));
  fields.RequiredString("output", &config.output);
  fields.Uint64("seed", &config.seed);
  fields.Int("log_every", &config.log_every, 1, 1 << 30);
  fields.Int("checkpoint_every", &config.checkpoint_every, 1, 1 << 30);
  fields.Int("sample_every", &config.sample_every, 1, 1 << 30);
  ReadData(fields.Object("data", /*required=*/true), &config, &fields);
  ReadImageAugmentation(fields.Object("image_augmentation", false),
                        &config.image_augmentation, &fields);
  ReadOptimizer(fields.Object("optimizer", true), &config.optimizer, &fields);

  if (stage.spec.diffusion.schedule == ScheduleKind::kKarras) {
    fields.Fail("stage.diffusion.schedule",
                "must be linear or cosine for training, is \"karras\"");
  }
  if (config.optimizer.label_dropout > 0 && !stage.network.null_class) {
    fields.Fail("optimizer.label_dropout", "needs stage.network.null_class");
  }
  if (stage.spec.low_resolution > 0 &&
      stage.spec.resolution % stage.spec.low_resolution != 0) {
    fields.Fail("stage.low_resolution",
                absl::StrCat("must divide resolution (", stage.spec.resolution,
                             ") for training, is ", stage.spec.low_resolution));
  }
  RETURN_IF_ERROR(fields.Finish());
  return config;
}

}  // namespace cascade
