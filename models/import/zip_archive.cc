#include "models/import/zip_archive.h"

#include <zip.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "models/import/printable.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr zip_int64_t kMaxEntries = 100'000;

std::string OpenError(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const absl::Cleanup free_error = [&] { zip_error_fini(&error); };
  return zip_error_strerror(&error);
}

absl::Status CheckEntry(const zip_stat_t& entry) {
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE |
                                   ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD |
                                   ZIP_STAT_ENCRYPTION_METHOD;
  if ((entry.valid & kNeeded) != kNeeded) {
    return absl::DataLossError("its entry in the directory is incomplete");
  }
  if (entry.encryption_method != ZIP_EM_NONE) {
    return absl::InvalidArgumentError("is encrypted");
  }
  if (entry.comp_method != ZIP_CM_STORE) {
    return absl::InvalidArgumentError(
        absl::StrCat("is compressed (method ", entry.comp_method,
                     "); torch.save stores without compression"));
  }
  if (entry.size != entry.comp_size) {
    return absl::DataLossError(absl::StrCat("has ", entry.size, " bytes in ",
                                            entry.comp_size, " stored ones"));
  }
  return absl::OkStatus();
}

}  // namespace

void ZipArchive::Discard::operator()(zip* archive) const {
  zip_discard(archive);
}

absl::StatusOr<ZipArchive> ZipArchive::Open(const std::string& path) {
  std::error_code failed;
  const uint64_t file_bytes = std::filesystem::file_size(path, failed);
  if (failed) {
    return absl::NotFoundError(
        absl::StrCat("cannot open ", path, ": ", failed.message()));
  }
  int code = 0;
  ZipArchive result;
  result.path_ = path;
  result.archive_.reset(
      zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (!result.archive_) {
    return absl::DataLossError(
        absl::StrCat(path, ": no sound zip archive: ", OpenError(code)));
  }
  const zip_int64_t count = zip_get_num_entries(result.archive_.get(), 0);
  if (count > kMaxEntries) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": ", count, " entries; ", kMaxEntries, " are allowed"));
  }
  uint64_t left = file_bytes;
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t entry;
    zip_stat_init(&entry);
    if (zip_stat_index(result.archive_.get(), static_cast<zip_uint64_t>(i), 0,
                       &entry) != 0) {
      return absl::DataLossError(absl::StrCat(
          path, ": entry ", i, ": ", zip_strerror(result.archive_.get())));
    }
    absl::Status status = CheckEntry(entry);
    if (status.ok() && entry.size > left) {
      status = absl::DataLossError(
          absl::StrCat("has ", entry.size, " bytes where the file has ", left,
                       " that belong to no other entry"));
    }
    if (status.ok() &&
        !result.entries_.emplace(entry.name, entry.size).second) {
      status = absl::InvalidArgumentError("stands twice");
    }
    if (!status.ok()) {
      const char* const name =
          (entry.valid & ZIP_STAT_NAME) != 0 ? entry.name : "?";
      return absl::Status(status.code(),
                          absl::StrCat(path, ": entry ", Printable(name), " ",
                                       status.message()));
    }
    left -= entry.size;
  }
  return result;
}

absl::Status ZipArchive::Read(const std::string& entry, uint64_t offset,
                              std::span<std::byte> bytes) const {
  const auto error = [&](absl::string_view what) {
    return absl::DataLossError(
        absl::StrCat(path_, ": entry ", Printable(entry), ": ", what));
  };
  zip_file_t* const file = zip_fopen(archive_.get(), entry.c_str(), 0);
  if (file == nullptr) return error(zip_strerror(archive_.get()));
  const absl::Cleanup close_file = [file] { zip_fclose(file); };
  if (offset > 0 &&
      zip_fseek(file, static_cast<zip_int64_t>(offset), SEEK_SET) != 0) {
    return error(zip_file_strerror(file));
  }
  while (!bytes.empty()) {
    const zip_int64_t got = zip_fread(file, bytes.data(), bytes.size());
    if (got < 0) return error(zip_file_strerror(file));
    if (got == 0) return error("truncated");
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
  return absl::OkStatus();
}

absl::Status ZipArchive::Verify(const std::string& entry) const {
  const auto error = [&](absl::string_view what) {
    return absl::DataLossError(
        absl::StrCat(path_, ": entry ", Printable(entry), ": ", what));
  };
  zip_file_t* const file = zip_fopen(archive_.get(), entry.c_str(), 0);
  if (file == nullptr) return error(zip_strerror(archive_.get()));
  const absl::Cleanup close_file = [file] { zip_fclose(file); };
  std::vector<std::byte> chunk(kChunkBytes);
  uint64_t total = 0;
  while (true) {
    // At the end, libzip compares the checksum and fails if it is another.
    const zip_int64_t got = zip_fread(file, chunk.data(), chunk.size());
    if (got < 0) return error(zip_file_strerror(file));
    if (got == 0) break;
    total += static_cast<uint64_t>(got);
  }
  if (total != entries_.at(entry)) return error("truncated");
  return absl::OkStatus();
}

}  // namespace cascade
