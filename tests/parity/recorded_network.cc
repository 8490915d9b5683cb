#include "tests/parity/recorded_network.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "models/nn/resample.h"
#include "models/weights/json_fields.h"
#include "models/weights/module_weights.h"
#include "models/weights/safetensors.h"

namespace cascade {
namespace {

at::Tensor RecordedTensor(const RecordedNetwork& recorded,
                          const std::string& name) {
  const auto io = SafetensorsFile::Read(recorded.folder + "/io.safetensors");
  EXPECT_TRUE(io.ok()) << io.status();
  return TensorOfView(io->tensors().at(name)).clone();
}

}  // namespace

bool HaveRecordedNetworks() {
  return std::filesystem::exists(CASCADE_REFERENCE_DIR);
}

RecordedNetwork ReadRecordedNetwork(const std::string& name) {
  RecordedNetwork recorded{
      .name = name,
      .folder = (std::filesystem::path(CASCADE_REFERENCE_DIR) / name).string(),
      .config = {}};
  const auto json = ReadJsonFile(recorded.folder + "/config.json");
  EXPECT_TRUE(json.ok()) << json.status();
  if (!json.ok()) return recorded;
  UNetConfig& config = recorded.config;
  config.image_channels = json->at("in_channels");
  config.out_channels = json->at("out_channels");
  config.model_channels = json->at("model_channels");
  config.num_res_blocks = json->at("num_res_blocks");
  config.channel_mult = json->at("channel_mult").get<std::vector<double>>();
  // The reference calls them resolutions; its networks take factors.
  config.attention_downsampling =
      json->at("attention_resolutions").get<std::vector<int>>();
  config.num_heads = json->at("num_heads");
  config.num_head_channels = std::max(0, json->value("num_head_channels", -1));
  config.attention_order = json->value("use_new_attention_order", false)
                               ? AttentionOrder::kNew
                               : AttentionOrder::kLegacy;
  if (!json->at("num_classes").is_null()) {
    config.num_classes = json->at("num_classes");
  }
  config.scale_shift_norm = json->at("use_scale_shift_norm");
  config.resblock_updown = json->at("resblock_updown");
  config.super_resolution = json->at("class") == "SuperResModel";
  EXPECT_TRUE(config.Validate().ok()) << config.Validate();
  return recorded;
}

nn::UNetInput RecordedInput(const RecordedNetwork& recorded) {
  // Teams of threads stall on a machine that does other work.
  at::set_num_threads(1);
  nn::UNetInput input;
  input.x = RecordedTensor(recorded, "x");
  input.timestep = RecordedTensor(recorded, "t");
  if (recorded.config.num_classes > 0) {
    input.class_id = RecordedTensor(recorded, "y");
  }
  if (recorded.config.super_resolution) {
    input.low_res = nn::EnlargeLowResolution(
        RecordedTensor(recorded, "low_res"), input.x.size(2));
  }
  return input;
}

double RecordedOutputError(const RecordedNetwork& recorded,
                           const at::Tensor& output) {
  const at::Tensor expected = RecordedTensor(recorded, "out");
  return ((output - expected).abs().max() / expected.std()).item<double>();
}

}  // namespace cascade
