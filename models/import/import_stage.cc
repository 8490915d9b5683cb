#include "models/import/import_stage.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/import/printable.h"
#include "models/import/weight_source.h"
#include "models/sha256.h"
#include "models/weights/parameter_shapes.h"
#include "models/weights/safetensors_writer.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

bool IsFloat(TensorType type) {
  return type == TensorType::kF32 || type == TensorType::kF16 ||
         type == TensorType::kBF16 || type == TensorType::kF64;
}

absl::StatusOr<std::string> FileSha256(const std::string& path) {
  constexpr size_t kChunkBytes = size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  Sha256Stream digest;
  std::vector<char> chunk(kChunkBytes);
  while (file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    digest.Update(std::as_bytes(
        std::span(chunk).first(static_cast<size_t>(file.gcount()))));
  }
  if (!file.eof())
    return absl::DataLossError(absl::StrCat("cannot read ", path));
  return digest.FinishHex();
}

}  // namespace

absl::Status CheckCheckpoint(const std::map<std::string, TensorInfo>& tensors,
                             const KnownCheckpoint& known) {
  ASSIGN_OR_RETURN(const auto shapes, ParameterShapes(known.stage.network));
  std::vector<std::string> problems;
  for (const auto& [name, shape] : shapes) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      problems.push_back(absl::StrCat("tensor ", name, " is missing"));
      continue;
    }
    const std::vector<int64_t> expected =
        ShapeInLayout(name, shape, known.attention);
    if (found->second.shape != expected) {
      problems.push_back(absl::StrCat(
          "tensor ", name, " has shape ", ShapeText(found->second.shape), ", ",
          known.name, " has ", ShapeText(expected)));
    } else if (!IsFloat(found->second.type)) {
      problems.push_back(absl::StrCat("tensor ", name, " has dtype ",
                                      TensorTypeName(found->second.type),
                                      ", which is no float type"));
    }
  }
  for (const auto& [name, info] : tensors) {
    if (!shapes.contains(name)) {
      problems.push_back(absl::StrCat("tensor ", Printable(name),
                                      " is unknown to ", known.name));
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      problems[0],
      problems.size() == 1
          ? std::string()
          : absl::StrCat(" (and ", problems.size() - 1, " more differ)")));
}

absl::StatusOr<StageManifest> ImportStage(const std::string& checkpoint,
                                          const KnownCheckpoint& known,
                                          const std::string& folder) {
  ASSIGN_OR_RETURN(const std::unique_ptr<WeightSource> source,
                   OpenWeightSource(checkpoint));
  if (absl::Status status = CheckCheckpoint(source->tensors(), known);
      !status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat(checkpoint, ": ", status.message()));
  }
  StageManifest stage = known.stage;
  stage.network.attention_order = kImportedOrder;
  stage.weights_file = absl::StrCat(stage.spec.name, ".safetensors");
  ASSIGN_OR_RETURN(std::string digest, FileSha256(checkpoint));
  stage.source = {.checkpoint = known.name,
                  .file = std::filesystem::path(checkpoint).filename().string(),
                  .sha256 = std::move(digest),
                  .attention_layout = AttentionLayoutName(known.attention)};

  std::map<std::string, TensorInfo> infos = source->tensors();
  for (auto& [name, info] : infos) {
    // The shape of our layers: without the last 1 of a Conv2d.
    if (info.shape != ShapeInLayout(name, info.shape, known.attention)) {
      info.shape.pop_back();
    }
  }
  const std::string path =
      (std::filesystem::path(folder) / stage.weights_file).string();
  ASSIGN_OR_RETURN(SafetensorsWriter writer,
                   SafetensorsWriter::Create(path, infos));
  for (const std::string& name : writer.order()) {
    ASSIGN_OR_RETURN(std::vector<std::byte> bytes, source->Read(name));
    if (IsQkv(name)) {
      const int64_t channels = infos.at(name).shape[0] / 3;
      bytes = PermuteQkvRows(bytes, channels, stage.network.heads(channels),
                             OrderOf(known.attention), kImportedOrder);
    }
    RETURN_IF_ERROR(writer.Write(bytes));
  }
  ASSIGN_OR_RETURN(stage.spec.weights_sha256, writer.Finish());
  return stage;
}

}  // namespace cascade
