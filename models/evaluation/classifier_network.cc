#include "models/evaluation/classifier_network.h"

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/silu.h>

#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

constexpr char kFormat[] = "cascade classifier 1";

}  // namespace

int ClassifierShape::LevelsFor(int size) {
  int levels = 1;
  while (size >> (levels + 1) >= 4 && levels < 6) ++levels;
  return levels;
}

ClassifierNetwork::ClassifierNetwork(const ClassifierShape& shape) {
  int in = shape.channels;
  for (int i = 0; i < shape.levels; ++i) {
    const int width = shape.width << i;
    const std::string level = std::to_string(i);
    Level layers;
    layers.conv1 = register_module("conv" + level + "a",
                                   std::make_shared<nn::Conv2d>(in, width, 3));
    layers.norm1 =
        register_module("norm" + level + "a",
                        std::make_shared<nn::GroupNorm>(kNormGroups, width));
    layers.conv2 = register_module(
        "conv" + level + "b", std::make_shared<nn::Conv2d>(width, width, 3));
    layers.norm2 =
        register_module("norm" + level + "b",
                        std::make_shared<nn::GroupNorm>(kNormGroups, width));
    levels_.push_back(layers);
    in = width;
  }
  out_ =
      register_module("out", std::make_shared<nn::Linear>(in, shape.classes));
}

at::Tensor ClassifierNetwork::Features(at::Tensor x) {
  for (const Level& level : levels_) {
    x = at::silu(level.norm1->forward(level.conv1->forward(x)));
    x = at::silu(level.norm2->forward(level.conv2->forward(x)));
    x = at::avg_pool2d(x, {2, 2});
  }
  return x.mean({2, 3});
}

at::Tensor ClassifierNetwork::Logits(const at::Tensor& features) {
  return out_->forward(features);
}

std::map<std::string, std::string> ClassifierMetadata(
    const ClassifierShape& shape, const std::vector<std::string>& class_names) {
  return {{"format", kFormat},
          {"size", absl::StrCat(shape.size)},
          {"channels", absl::StrCat(shape.channels)},
          {"classes", absl::StrCat(shape.classes)},
          {"width", absl::StrCat(shape.width)},
          {"levels", absl::StrCat(shape.levels)},
          {"class_names", nlohmann::json(class_names).dump()}};
}

absl::StatusOr<ClassifierShape> ReadClassifierShape(
    const SafetensorsFile& file) {
  const auto& metadata = file.metadata();
  const auto number = [&](const char* key, int limit, bool required,
                          int* value) {
    const auto found = metadata.find(key);
    if (found == metadata.end()) return !required;
    return absl::SimpleAtoi(found->second, value) && *value > 0 &&
           *value <= limit;
  };
  const auto format = metadata.find("format");
  ClassifierShape shape;
  if (format == metadata.end() || format->second != kFormat ||
      !number("size", 4096, true, &shape.size) ||
      !number("channels", 3, true, &shape.channels) ||
      !number("classes", 100000, true, &shape.classes) ||
      !number("width", 1024, false, &shape.width) ||
      !number("levels", 6, false, &shape.levels) ||
      shape.width % ClassifierNetwork::kNormGroups != 0 ||
      shape.channels == 2 || shape.size >> shape.levels == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.name(), " is not a classifier of cascade-model"));
  }
  return shape;
}

absl::StatusOr<std::vector<std::string>> ReadClassifierNames(
    const SafetensorsFile& file, int classes) {
  const auto found = file.metadata().find("class_names");
  if (found == file.metadata().end()) return std::vector<std::string>();
  const nlohmann::json json =
      nlohmann::json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> names;
  for (const nlohmann::json& name : json) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  if (!json.is_array() || names.size() != static_cast<size_t>(classes)) {
    return absl::InvalidArgumentError(absl::StrCat(
        file.name(), ": class_names are no list of ", classes, " names"));
  }
  return names;
}

}  // namespace cascade
