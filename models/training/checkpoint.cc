#include "models/training/checkpoint.h"

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/runtime/torch_status.h"
#include "models/weights/module_weights.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

std::array<std::pair<const char*, at::Tensor>, 4> StateOf(
    const FlatParameters& parameters, const Adam& adam) {
  return {{{"weights.", parameters.values()},
           {"ema.", adam.average()},
           {"adam_m.", adam.first_moment()},
           {"adam_v.", adam.second_moment()}}};
}

absl::StatusOr<CheckpointHeader> ReadHeader(const SafetensorsFile& file) {
  CheckpointHeader header;
  const auto& metadata = file.metadata();
  const auto step = metadata.find("step");
  const auto seed = metadata.find("seed");
  const auto stage = metadata.find("stage");
  if (step == metadata.end() || seed == metadata.end() ||
      stage == metadata.end() ||
      !absl::SimpleAtoi(step->second, &header.step) ||
      !absl::SimpleAtoi(seed->second, &header.seed) || header.step < 0) {
    return absl::DataLossError(
        absl::StrCat(file.name(), ": its metadata are not a checkpoint's"));
  }
  header.stage_json = stage->second;
  return header;
}

}  // namespace

absl::Status SaveCheckpoint(const std::string& path,
                            const CheckpointHeader& header,
                            const FlatParameters& parameters,
                            const Adam& adam) {
  return CatchTorch([&] {
    std::vector<at::Tensor> copies;
    std::map<std::string, TensorView> views;
    for (const auto& [prefix, flat] : StateOf(parameters, adam)) {
      copies.push_back(flat.to(at::kCPU));
      for (const FlatParameters::Segment& segment : parameters.segments()) {
        views[absl::StrCat(prefix, segment.name)] =
            ViewOfTensor(FlatParameters::Part(copies.back(), segment));
      }
    }
    return WriteSafetensors(path, views,
                            {{"format", "cascade checkpoint 1"},
                             {"step", absl::StrCat(header.step)},
                             {"seed", absl::StrCat(header.seed)},
                             {"stage", header.stage_json}});
  });
}

absl::StatusOr<CheckpointHeader> LoadCheckpoint(
    const std::string& path, const FlatParameters& parameters,
    const Adam& adam) {
  ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Read(path));
  ASSIGN_OR_RETURN(CheckpointHeader header, ReadHeader(file));
  const auto state = StateOf(parameters, adam);
  if (file.tensors().size() != state.size() * parameters.segments().size()) {
    return absl::DataLossError(absl::StrCat(
        path, ": ", file.tensors().size(), " tensors, the training has ",
        state.size() * parameters.segments().size()));
  }
  for (const auto& [prefix, flat] : state) {
    for (const FlatParameters::Segment& segment : parameters.segments()) {
      const std::string name = absl::StrCat(prefix, segment.name);
      ASSIGN_OR_RETURN(const TensorView view, file.Get(name));
      if (view.shape != segment.shape || view.type != TensorType::kF32) {
        return absl::DataLossError(
            absl::StrCat(path, ": tensor ", name, " has shape [",
                         absl::StrJoin(view.shape, ", "), "] of ",
                         TensorTypeName(view.type), ", the network needs [",
                         absl::StrJoin(segment.shape, ", "), "] of F32"));
      }
    }
  }
  RETURN_IF_ERROR(CatchTorch([&] {
    const at::NoGradGuard no_grad;
    for (const auto& [prefix, flat] : state) {
      for (const FlatParameters::Segment& segment : parameters.segments()) {
        FlatParameters::Part(flat, segment)
            .copy_(TensorOfView(
                file.tensors().at(absl::StrCat(prefix, segment.name))));
      }
    }
    return absl::OkStatus();
  }));
  return header;
}

}  // namespace cascade
