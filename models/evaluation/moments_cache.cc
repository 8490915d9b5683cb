#include "models/evaluation/moments_cache.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/sha256.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr char kFormat[] = "cascade moments 1";

using Metadata = std::map<std::string, std::string>;

Metadata MetadataOf(const MomentsCache::Key& key) {
  return {{"format", kFormat},
          {"features", key.features},
          {"images", key.images},
          {"count", absl::StrCat(key.count)}};
}

TensorView ViewOf(const std::vector<double>& values,
                  std::vector<int64_t> shape) {
  return {.type = TensorType::kF64,
          .shape = std::move(shape),
          .bytes = std::as_bytes(std::span(values))};
}

absl::StatusOr<std::vector<double>> Doubles(const SafetensorsFile& file,
                                            const std::string& name) {
  ASSIGN_OR_RETURN(const TensorView view, file.Get(name));
  if (view.type != TensorType::kF64) {
    return absl::DataLossError(
        absl::StrCat(file.name(), ": tensor ", name, " is not F64"));
  }
  std::vector<double> values(view.bytes.size() / sizeof(double));
  std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
  return values;
}

}  // namespace

std::string MomentsCache::PathOf(const Key& key) const {
  const std::string text =
      absl::StrCat(key.features, "\n", key.images, "\n", key.count);
  const std::string digest = Sha256Hex(std::as_bytes(std::span(text)));
  return absl::StrCat(folder_, "/moments-", digest.substr(0, 16),
                      ".safetensors");
}

absl::StatusOr<std::optional<Moments>> MomentsCache::Find(
    const Key& key) const {
  if (folder_.empty()) return std::nullopt;
  const std::string path = PathOf(key);
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Read(path);
  if (absl::IsNotFound(file.status())) return std::nullopt;
  RETURN_IF_ERROR(file.status());
  if (file->metadata() != MetadataOf(key)) {
    return absl::DataLossError(
        absl::StrCat(path, " does not hold the moments that its name says"));
  }
  ASSIGN_OR_RETURN(std::vector<double> mean, Doubles(*file, "mean"));
  ASSIGN_OR_RETURN(std::vector<double> scatter, Doubles(*file, "scatter"));
  absl::StatusOr<Moments> moments =
      Moments::FromParts(key.count, std::move(mean), std::move(scatter));
  if (!moments.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", moments.status().message()));
  }
  return *std::move(moments);
}

absl::Status MomentsCache::Keep(const Key& key, const Moments& moments) const {
  if (folder_.empty()) return absl::OkStatus();
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot make the folder ", folder_, ": ", error.message()));
  }
  const auto width = static_cast<int64_t>(moments.dimensions());
  return WriteSafetensors(
      PathOf(key),
      {{"mean", ViewOf(moments.mean(), {width})},
       {"scatter", ViewOf(moments.scatter(), {width, width})}},
      MetadataOf(key));
}

}  // namespace cascade
