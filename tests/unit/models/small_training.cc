#include "tests/unit/models/small_training.h"

#include <gtest/gtest.h>

#include <fstream>

#include "models/image_codec.h"

namespace cascade {

void WriteBytes(const std::filesystem::path& path,
                const std::vector<uint8_t>& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// A folder with two classes of 16x16 images, `count` each.
std::string MakeImageFolder(const std::string& name, int count) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::remove_all(folder);
  for (int label = 0; label < 2; ++label) {
    for (int i = 0; i < count; ++i) {
      HostImage image{.height = 16, .width = 16, .channels = 1, .pixels = {}};
      for (int p = 0; p < 256; ++p) {
        image.pixels.push_back(
            static_cast<uint8_t>((label * 128 + p * (i + 1)) % 256));
      }
      WriteBytes(folder / std::to_string(label) / (std::to_string(i) + ".png"),
                 *EncodePng(image));
    }
  }
  return folder.string();
}

TrainConfig SmallConfig(const std::string& images, const std::string& output) {
  TrainConfig config;
  StageManifest& stage = config.stage;
  stage.spec.name = "16x16";
  stage.spec.index = 1;
  stage.spec.resolution = 16;
  stage.spec.low_resolution = 8;
  stage.spec.channels = 1;
  stage.spec.diffusion.num_timesteps = 100;
  stage.spec.diffusion.variance = VarianceKind::kLearnedRange;
  stage.spec.augmentation.enabled = true;
  stage.spec.augmentation.num_timesteps = 100;
  stage.spec.default_sampler.num_steps = 2;
  UNetConfig& network = stage.network;
  network.image_channels = 1;
  network.out_channels = 2;
  network.model_channels = 8;
  network.num_res_blocks = 1;
  network.num_heads = 1;
  network.norm_groups = 4;
  network.num_classes = 2;
  network.null_class = true;
  network.super_resolution = true;
  network.augmentation_embedding = true;
  network.dropout = 0.2;
  config.train_folder = images;
  config.cache_resolution = 16;
  config.output = output;
  config.seed = 5;
  config.log_every = 2;
  config.sample_every = 4;
  config.image_augmentation = {.probability = 0.5,
                               .rotate_degrees = 10,
                               .shift = 0.1,
                               .scale = 0.1,
                               .shear = 0.1,
                               .flip = true};
  config.optimizer.steps = 6;
  config.optimizer.batch_size = 4;
  config.optimizer.learning_rate = 1e-3;
  config.optimizer.warmup_steps = 2;
  config.optimizer.label_dropout = 0.3;
  return config;
}

}  // namespace cascade
