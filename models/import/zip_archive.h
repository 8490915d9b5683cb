#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct zip;

namespace cascade {

// A zip archive of stored entries, by libzip. Owned by one thread.
class ZipArchive {
 public:
  // NOT_FOUND; INVALID_ARGUMENT for entries that are compressed, encrypted or
  // stand twice; DATA_LOSS for an inconsistent directory, or entries that are
  // larger than the file (which overlapping ones are).
  static absl::StatusOr<ZipArchive> Open(const std::string& path);

  // Sizes by name, bytes.
  const std::map<std::string, uint64_t>& entries() const { return entries_; }

  // Fills `bytes` from `offset` on. DATA_LOSS naming the entry, which must be
  // one of entries().
  absl::Status Read(const std::string& entry, uint64_t offset,
                    std::span<std::byte> bytes) const;
  // Reads the whole entry and compares its checksum. DATA_LOSS.
  absl::Status Verify(const std::string& entry) const;

 private:
  struct Discard {
    void operator()(zip* archive) const;
  };
  ZipArchive() = default;

  std::string path_;
  std::unique_ptr<zip, Discard> archive_;
  std::map<std::string, uint64_t> entries_;
};

}  // namespace cascade
