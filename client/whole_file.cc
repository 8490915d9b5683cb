#include "client/whole_file.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace cascade {

absl::StatusOr<std::string> ReadWholeFile(const std::string& flag,
                                          const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  if (!file || !(bytes << file.rdbuf())) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " ", path, ": cannot be read, or is empty"));
  }
  return std::move(bytes).str();
}

}  // namespace cascade
