#include "models/evaluation/sample_store.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "models/sha256.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

template <typename Value>
TensorView ViewOf(TensorType type, std::vector<int64_t> shape,
                  const std::vector<Value>& values) {
  return {.type = type,
          .shape = std::move(shape),
          .bytes = std::as_bytes(std::span(values))};
}

template <typename Value>
absl::Status ReadValues(const SafetensorsFile& file, const std::string& name,
                        TensorType type, std::vector<Value>* values,
                        std::vector<int64_t>* shape = nullptr) {
  ASSIGN_OR_RETURN(const TensorView view, file.Get(name));
  if (view.type != type) {
    return absl::DataLossError(absl::StrCat(file.name(), ": tensor ", name,
                                            " is ", TensorTypeName(view.type),
                                            ", not ", TensorTypeName(type)));
  }
  values->resize(view.bytes.size() / sizeof(Value));
  if (!view.bytes.empty()) {
    std::memcpy(values->data(), view.bytes.data(), view.bytes.size());
  }
  if (shape != nullptr) *shape = view.shape;
  return absl::OkStatus();
}

absl::Status CheckSizes(const SafetensorsFile& file, const StageImages& images,
                        const std::vector<int64_t>& shape) {
  const size_t count = images.seeds.size();
  const bool fits = shape.size() == 4 && images.labels.size() == count &&
                    shape[0] == images.count() && shape[2] == shape[3] &&
                    images.pixels.size() == images.values.size();
  if (fits) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(file.name(), ": its tensors do not fit together"));
}

}  // namespace

std::string SampleStore::FolderOf(const Set& set) const {
  const std::string digest = Sha256Hex(std::as_bytes(std::span(set.made_by)));
  return absl::StrCat(folder_, "/", set.name, "-", digest.substr(0, 16));
}

std::string SampleStore::PathOf(const Set& set, int64_t chunk) const {
  return absl::StrFormat("%s/chunk-%06d.safetensors", FolderOf(set), chunk);
}

absl::StatusOr<std::optional<StageImages>> SampleStore::Read(
    const Set& set, int64_t chunk) const {
  const absl::StatusOr<SafetensorsFile> file =
      SafetensorsFile::Read(PathOf(set, chunk));
  if (absl::IsNotFound(file.status())) return std::nullopt;
  RETURN_IF_ERROR(file.status());
  const auto made_by = file->metadata().find("made_by");
  if (made_by == file->metadata().end() || made_by->second != set.made_by) {
    return absl::DataLossError(absl::StrCat(
        file->name(), " does not hold the images that its name says"));
  }
  StageImages images;
  std::vector<int64_t> seeds;
  std::vector<int64_t> labels;
  std::vector<int64_t> noise_index;
  std::vector<int64_t> shape;
  RETURN_IF_ERROR(
      ReadValues(*file, "noise_index", TensorType::kI64, &noise_index));
  RETURN_IF_ERROR(ReadValues(*file, "seeds", TensorType::kI64, &seeds));
  RETURN_IF_ERROR(ReadValues(*file, "labels", TensorType::kI64, &labels));
  RETURN_IF_ERROR(
      ReadValues(*file, "values", TensorType::kF32, &images.values, &shape));
  RETURN_IF_ERROR(ReadValues(*file, "pixels", TensorType::kU8, &images.pixels));
  for (int64_t seed : seeds) {
    images.seeds.push_back(static_cast<uint64_t>(seed));
  }
  for (int64_t label : labels) images.labels.push_back(static_cast<int>(label));
  RETURN_IF_ERROR(CheckSizes(*file, images, shape));
  if (noise_index.size() != 1) {
    return absl::DataLossError(
        absl::StrCat(file->name(), ": noise_index is not one number"));
  }
  images.noise_index = static_cast<int>(noise_index[0]);
  images.channels = static_cast<int>(shape[1]);
  images.resolution = static_cast<int>(shape[2]);
  return images;
}

absl::Status SampleStore::Write(const Set& set, int64_t chunk,
                                const StageImages& images) const {
  std::error_code error;
  std::filesystem::create_directories(FolderOf(set), error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot make the folder ", FolderOf(set), ": ", error.message()));
  }
  const int64_t count = images.count();
  const int64_t size = images.resolution;
  const int64_t channels = images.channels;
  std::vector<int64_t> seeds;
  for (uint64_t seed : images.seeds) {
    seeds.push_back(static_cast<int64_t>(seed));
  }
  const std::vector<int64_t> labels(images.labels.begin(), images.labels.end());
  const std::vector<int64_t> noise_index = {images.noise_index};
  return WriteSafetensors(
      PathOf(set, chunk),
      {{"noise_index", ViewOf(TensorType::kI64, {1}, noise_index)},
       {"seeds", ViewOf(TensorType::kI64, {count}, seeds)},
       {"labels", ViewOf(TensorType::kI64, {count}, labels)},
       {"values",
        ViewOf(TensorType::kF32, {count, channels, size, size}, images.values)},
       {"pixels",
        ViewOf(TensorType::kU8, {count, size, size, channels}, images.pixels)}},
      {{"made_by", set.made_by}});
}

}  // namespace cascade
