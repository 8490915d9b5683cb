// Writes a file of torch.save with random weights in the names, shapes and
// attention layout of a published checkpoint:
//
//   random_checkpoint 64x64_diffusion OUT.pt
//
// For runs at real size where the published weights cannot be had. Weights are
// normal, scaled by fan-in, so that values neither die nor explode.

#include <caffe2/serialize/inline_container.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "models/import/attention_layout.h"
#include "models/import/known_checkpoints.h"
#include "models/sampling/counter_noise.h"
#include "models/weights/parameter_shapes.h"
#include "tests/support/pickle_text.h"

namespace cascade {
namespace {

std::vector<float> RandomWeights(const std::string& name,
                                 const std::vector<int64_t>& shape,
                                 uint32_t index) {
  int64_t elements = 1;
  for (int64_t size : shape) elements *= size;
  std::vector<float> values(static_cast<size_t>(elements));
  FillNormal({.seed = 1, .step = index}, values);
  const bool is_vector = shape.size() == 1;
  const bool is_norm_weight = is_vector && absl::EndsWith(name, ".weight");
  const auto scale = static_cast<float>(
      is_vector ? 0.02
                : 1 / std::sqrt(static_cast<double>(elements / shape[0])));
  for (float& value : values) {
    value = value * scale + (is_norm_weight ? 1.0f : 0.0f);
  }
  return values;
}

int Run(const std::string& name, const std::string& path) {
  const KnownCheckpoint* const known = FindKnownCheckpoint(name);
  if (known == nullptr) {
    std::fprintf(stderr, "%s is no known checkpoint\n", name.c_str());
    return 1;
  }
  const auto shapes = ParameterShapes(known->stage.network);
  if (!shapes.ok()) {
    std::fprintf(stderr, "%s\n",
                 std::string(shapes.status().message()).c_str());
    return 1;
  }
  caffe2::serialize::PyTorchStreamWriter writer(path);
  PickleText pickle;
  pickle.BeginDict();
  uint32_t index = 0;
  for (const auto& [tensor, our_shape] : *shapes) {
    const std::vector<int64_t> shape =
        ShapeInLayout(tensor, our_shape, known->attention);
    const std::vector<float> values = RandomWeights(tensor, shape, index);
    const std::string key = absl::StrCat(index++);
    pickle.String(tensor).Tensor("FloatStorage", key,
                                 static_cast<int64_t>(values.size()), 0, shape,
                                 RowMajorStrides(shape));
    writer.writeRecord("data/" + key, values.data(),
                       values.size() * sizeof(float));
  }
  const std::string text = pickle.EndDict().Finish();
  writer.writeRecord("data.pkl", text.data(), text.size());
  writer.writeEndOfFile();
  return 0;
}

}  // namespace
}  // namespace cascade

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: random_checkpoint NAME OUT.pt\n");
    return 2;
  }
  try {
    return cascade::Run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[2], error.what());
    return 1;
  }
}
