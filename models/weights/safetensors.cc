#include "models/weights/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/weights/strict_json.h"
#include "server/base/status_macros.h"

static_assert(std::endian::native == std::endian::little,
              "safetensors are little-endian");

namespace cascade {
namespace {

// Sorted: finding a name in an ordered_json takes time by the number of names,
// and a header may hold millions.
using Json = nlohmann::json;

// The published limit of the format's reference implementation.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

struct TypeRow {
  TensorType type;
  const char* name;
  size_t bytes;
};
constexpr std::array<TypeRow, 8> kTypes = {{{TensorType::kF32, "F32", 4},
                                            {TensorType::kF16, "F16", 2},
                                            {TensorType::kBF16, "BF16", 2},
                                            {TensorType::kF64, "F64", 8},
                                            {TensorType::kI64, "I64", 8},
                                            {TensorType::kI32, "I32", 4},
                                            {TensorType::kU8, "U8", 1},
                                            {TensorType::kBool, "BOOL", 1}}};

const TypeRow& RowOf(TensorType type) {
  return *std::find_if(kTypes.begin(), kTypes.end(),
                       [&](const TypeRow& row) { return row.type == type; });
}

std::optional<TensorType> TypeNamed(absl::string_view name) {
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

// The fields of one header entry.
struct Entry {
  TensorType type = TensorType::kF32;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

absl::StatusOr<Entry> ParseEntry(const Json& value) {
  const auto malformed = [](absl::string_view what) {
    return absl::DataLossError(what);
  };
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets")) {
    return malformed("must have dtype, shape and data_offsets, nothing else");
  }
  Entry entry;
  if (!value["dtype"].is_string()) return malformed("dtype must be a string");
  const std::string type_name = value["dtype"].get<std::string>();
  const std::optional<TensorType> type = TypeNamed(type_name);
  if (!type) return malformed(absl::StrCat("unknown dtype ", type_name));
  entry.type = *type;

  if (!value["shape"].is_array()) return malformed("shape must be a list");
  for (const Json& dimension : value["shape"]) {
    if (!dimension.is_number_unsigned() ||
        dimension.get<uint64_t>() >
            static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return malformed(absl::StrCat("bad shape ", value["shape"].dump()));
    }
    entry.shape.push_back(dimension.get<int64_t>());
  }

  const Json& offsets = value["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 ||
      !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    return malformed(absl::StrCat("bad data_offsets ", offsets.dump()));
  }
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  const std::optional<uint64_t> bytes = TensorBytes(entry.shape, entry.type);
  if (entry.begin > entry.end || !bytes || entry.end - entry.begin != *bytes) {
    return malformed(absl::StrCat("data_offsets ", offsets.dump(),
                                  " do not fit shape ", value["shape"].dump(),
                                  " of ", type_name));
  }
  return entry;
}

}  // namespace

size_t BytesPerElement(TensorType type) { return RowOf(type).bytes; }
const char* TensorTypeName(TensorType type) { return RowOf(type).name; }

std::optional<uint64_t> TensorBytes(const std::vector<int64_t>& shape,
                                    TensorType type) {
  uint64_t count = BytesPerElement(type);
  constexpr uint64_t kLimit = std::numeric_limits<int64_t>::max();
  for (int64_t dimension : shape) {
    if (dimension < 0) return std::nullopt;
    const auto size = static_cast<uint64_t>(dimension);
    if (size != 0 && count > kLimit / size) return std::nullopt;
    count *= size;
  }
  return count;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Read(const std::string& path) {
  ASSIGN_OR_RETURN(std::vector<std::byte> contents, ReadWholeFile(path));
  return Parse(std::move(contents), path);
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Parse(
    std::vector<std::byte> contents, std::string name) {
  SafetensorsFile file;
  file.name_ = std::move(name);
  file.contents_ = std::move(contents);
  if (absl::Status status = file.ParseHeader(); !status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat(file.name_, ": ", status.message()));
  }
  return file;
}

absl::Status SafetensorsFile::ParseHeader() {
  uint64_t header_bytes = 0;
  if (contents_.size() < sizeof(header_bytes)) {
    return absl::DataLossError(
        absl::StrCat("no safetensors file: ", contents_.size(), " bytes"));
  }
  std::memcpy(&header_bytes, contents_.data(), sizeof(header_bytes));
  const uint64_t rest = contents_.size() - sizeof(header_bytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > rest) {
    return absl::DataLossError(absl::StrCat("truncated: a header of ",
                                            header_bytes, " bytes, but only ",
                                            rest, " follow"));
  }
  const auto* text =
      reinterpret_cast<const char*>(contents_.data()) + sizeof(header_bytes);
  const absl::StatusOr<Json> parsed =
      ParseStrictJson<Json>({text, header_bytes}, /*allow_comments=*/false);
  if (!parsed.ok()) {
    return absl::DataLossError(
        absl::StrCat("bad header: ", parsed.status().message()));
  }
  const Json& header = *parsed;
  if (!header.is_object()) {
    return absl::DataLossError("bad header: not a JSON object");
  }

  const std::span<const std::byte> data =
      std::span(contents_).subspan(sizeof(header_bytes) + header_bytes);
  std::vector<std::pair<Entry, std::string>> layout;
  for (const auto& [key, value] : header.items()) {
    if (key == "__metadata__") {
      if (!value.is_object()) {
        return absl::DataLossError("__metadata__ must be an object");
      }
      for (const auto& [field, content] : value.items()) {
        if (!content.is_string()) {
          return absl::DataLossError(
              absl::StrCat("__metadata__.", field, " must be a string"));
        }
        metadata_[field] = content.get<std::string>();
      }
      continue;
    }
    absl::StatusOr<Entry> entry = ParseEntry(value);
    if (!entry.ok()) {
      return absl::DataLossError(
          absl::StrCat("tensor ", key, ": ", entry.status().message()));
    }
    if (entry->end > data.size()) {
      return absl::DataLossError(absl::StrCat("truncated: tensor ", key,
                                              " ends at byte ", entry->end,
                                              " of ", data.size()));
    }
    tensors_[key] = TensorView{
        .type = entry->type,
        .shape = entry->shape,
        .bytes = data.subspan(entry->begin, entry->end - entry->begin)};
    layout.emplace_back(*std::move(entry), key);
  }

  // The format allows neither gaps nor overlaps.
  std::sort(layout.begin(), layout.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.begin, a.first.end) <
           std::pair(b.first.begin, b.first.end);
  });
  uint64_t position = 0;
  for (const auto& [entry, key] : layout) {
    if (entry.begin != position) {
      return absl::DataLossError(absl::StrCat(
          "tensor ", key, " begins at byte ", entry.begin,
          entry.begin < position ? ", inside another one" : ", behind a gap"));
    }
    position = entry.end;
  }
  if (position != data.size()) {
    return absl::DataLossError(
        absl::StrCat(data.size() - position, " bytes belong to no tensor"));
  }
  return absl::OkStatus();
}

absl::StatusOr<TensorView> SafetensorsFile::Get(
    const std::string& tensor) const {
  const auto found = tensors_.find(tensor);
  if (found == tensors_.end()) {
    return absl::NotFoundError(
        absl::StrCat(name_, ": tensor ", tensor, " is missing"));
  }
  return found->second;
}

}  // namespace cascade
