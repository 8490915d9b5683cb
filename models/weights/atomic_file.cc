#include "models/weights/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

absl::Status Unavailable(const char* verb, const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", verb, " ", path, ": ", strerror(errno)));
}

}  // namespace

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path) {
  const std::string temporary = absl::StrCat(path, ".tmp", getpid());
  const int file =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return Unavailable("create", temporary);
  return AtomicFile(path, temporary, file);
}

AtomicFile::AtomicFile(std::string path, std::string temporary, int file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(file) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::exchange(other.file_, -1)) {}

AtomicFile::~AtomicFile() {
  Close();
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::Close() {
  if (file_ >= 0) close(std::exchange(file_, -1));
}

absl::Status AtomicFile::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Unavailable("write", temporary_);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Commit() {
  if (fsync(file_) != 0) return Unavailable("sync", temporary_);
  Close();
  if (rename(temporary_.c_str(), path_.c_str()) != 0) {
    return Unavailable("rename to", path_);
  }
  temporary_.clear();
  return absl::OkStatus();
}

}  // namespace cascade
