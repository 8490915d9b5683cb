#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "models/weights/atomic_file.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::Status ErrnoStatus(absl::StatusCode code, const char* verb,
                         const std::string& path) {
  return absl::Status(
      code, absl::StrCat("cannot ", verb, " ", path, ": ", strerror(errno)));
}

}  // namespace

absl::StatusOr<std::vector<std::byte>> ReadWholeFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return ErrnoStatus(absl::StatusCode::kNotFound, "open", path);
  }
  const absl::Cleanup close_file = [file] { close(file); };
  struct stat status = {};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::NotFoundError(absl::StrCat(path, " is not a file"));
  }
  std::vector<std::byte> contents(static_cast<size_t>(status.st_size));
  size_t position = 0;
  while (position < contents.size()) {
    const ssize_t got =
        read(file, contents.data() + position, contents.size() - position);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(absl::StatusCode::kDataLoss, "read", path);
    if (got == 0) {
      return absl::DataLossError(
          absl::StrCat(path, " became shorter while it was read"));
    }
    position += static_cast<size_t>(got);
  }
  return contents;
}

absl::Status WriteFileAtomically(
    const std::string& path,
    std::span<const std::span<const std::byte>> pieces) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  for (const std::span<const std::byte> piece : pieces) {
    RETURN_IF_ERROR(file.Write(piece));
  }
  return file.Commit();
}

}  // namespace cascade
