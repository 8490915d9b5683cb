#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cascade {

// A file that is written under a temporary name beside its place, and takes its
// place at Commit(): a reader sees the old file or the whole new one. What is
// not committed is removed. Owned by one thread.
class AtomicFile {
 public:
  // UNAVAILABLE naming the file; so do the others.
  static absl::StatusOr<AtomicFile> Create(const std::string& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  const std::string& path() const { return path_; }

  absl::Status Write(std::span<const std::byte> bytes);
  // Writes through to the disk, closes and renames. Once, and last.
  absl::Status Commit();

 private:
  AtomicFile(std::string path, std::string temporary, int file);

  void Close();

  std::string path_;
  std::string temporary_;
  int file_;  // -1: closed.
};

}  // namespace cascade
