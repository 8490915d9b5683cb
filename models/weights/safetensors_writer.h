#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/sha256.h"
#include "models/weights/atomic_file.h"
#include "models/weights/safetensors.h"

namespace cascade {

// Writes a safetensors file tensor by tensor, so that a file of gigabytes takes
// the memory of one tensor. A reader sees the old file or the whole new one.
// Owned by one thread.
class SafetensorsWriter {
 public:
  // INVALID_ARGUMENT for a text that is no UTF-8; UNAVAILABLE when the file
  // cannot be created.
  static absl::StatusOr<SafetensorsWriter> Create(
      const std::string& path, const std::map<std::string, TensorInfo>& tensors,
      const std::map<std::string, std::string>& metadata = {});

  // The names in the order in which Write() takes them.
  const std::vector<std::string>& order() const { return order_; }

  // The bytes of the next tensor. INVALID_ARGUMENT when they are not as many as
  // it has, or there is no further one; UNAVAILABLE when the disk is full.
  absl::Status Write(std::span<const std::byte> bytes);

  // Puts the file in its place and returns its SHA-256. INVALID_ARGUMENT when
  // tensors are missing.
  absl::StatusOr<std::string> Finish();

 private:
  explicit SafetensorsWriter(AtomicFile file) : file_(std::move(file)) {}

  absl::Status Append(std::span<const std::byte> bytes);

  AtomicFile file_;
  Sha256Stream digest_;
  std::vector<std::string> order_;
  std::vector<uint64_t> sizes_;  // In that order.
  size_t written_ = 0;
};

}  // namespace cascade
