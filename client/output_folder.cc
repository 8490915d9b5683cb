#include "client/output_folder.h"

#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

// Names come from the server; they must not lead out of the folder.
std::string FileNamePart(const std::string& name) {
  std::string part;
  for (const char c : name) {
    const bool is_plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                          c == '_' || c == '.';
    part.push_back(is_plain ? c : '_');
  }
  return part;
}

}  // namespace

absl::StatusOr<OutputFolder> OutputFolder::Create(
    const std::string& flag, const std::string& folder,
    const std::string& cascade, const std::string& class_label) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder)) {
    return absl::UnavailableError(absl::StrCat(
        flag, " ", folder, ": cannot make the folder: ", error.message()));
  }
  return OutputFolder(folder, absl::StrCat(FileNamePart(cascade), "-",
                                           FileNamePart(class_label)));
}

OutputFolder::OutputFolder(std::filesystem::path folder, std::string prefix)
    : folder_(std::move(folder)), prefix_(std::move(prefix)) {}

absl::StatusOr<std::string> OutputFolder::Write(
    const std::string& name, const std::string& bytes) const {
  const std::filesystem::path path = folder_ / absl::StrCat(prefix_, "-", name);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path.string()));
  }
  return path.string();
}

}  // namespace cascade
