#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cascade {

enum class TensorType { kF32, kF16, kBF16, kF64, kI64, kI32, kU8, kBool };

size_t BytesPerElement(TensorType type);
const char* TensorTypeName(TensorType type);  // As the format spells it.

// What a tensor is, without its elements.
struct TensorInfo {
  TensorType type = TensorType::kF32;
  std::vector<int64_t> shape;
};

// The bytes of a tensor, or nothing when they do not fit 63 bits or a dimension
// is negative.
std::optional<uint64_t> TensorBytes(const std::vector<int64_t>& shape,
                                    TensorType type);

// A tensor of a file: row-major, little-endian.
struct TensorView {
  TensorType type = TensorType::kF32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};

// A safetensors file, read into memory: eight bytes of header length, a JSON
// header, and the tensors' bytes.
//
// It is read, not mapped, so that a file that is truncated later cannot crash a
// process that serves from it. Every length, offset, type and overlap is
// checked before a byte is believed. Immutable; views live as long as it does.
class SafetensorsFile {
 public:
  // NOT_FOUND when it cannot be opened, DATA_LOSS when it is truncated or its
  // header is inconsistent; messages name the file and the tensor.
  static absl::StatusOr<SafetensorsFile> Read(const std::string& path);
  // `name` stands for the file in messages.
  static absl::StatusOr<SafetensorsFile> Parse(std::vector<std::byte> contents,
                                               std::string name);

  SafetensorsFile(SafetensorsFile&&) = default;
  SafetensorsFile& operator=(SafetensorsFile&&) = default;
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& name() const { return name_; }
  std::span<const std::byte> contents() const { return contents_; }
  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }
  // NOT_FOUND naming file and tensor.
  absl::StatusOr<TensorView> Get(const std::string& tensor) const;

 private:
  SafetensorsFile() = default;
  absl::Status ParseHeader();

  std::string name_;
  std::vector<std::byte> contents_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Writes `tensors` to `path`, as a SafetensorsWriter does.
absl::Status WriteSafetensors(
    const std::string& path, const std::map<std::string, TensorView>& tensors,
    const std::map<std::string, std::string>& metadata = {});

// Reads a whole file. NOT_FOUND or DATA_LOSS, naming it.
absl::StatusOr<std::vector<std::byte>> ReadWholeFile(const std::string& path);
// Replaces `path` by `pieces`, one after the other, atomically and durably.
absl::Status WriteFileAtomically(
    const std::string& path,
    std::span<const std::span<const std::byte>> pieces);

}  // namespace cascade
