#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace cascade {

// A folder for the results of one request. The names of its files begin with
// the cascade and the class: digits-7-...
class OutputFolder {
 public:
  // Makes the folder when needed; errors name `flag`.
  static absl::StatusOr<OutputFolder> Create(const std::string& flag,
                                             const std::string& folder,
                                             const std::string& cascade,
                                             const std::string& class_label);

  // Writes the file of this name, behind the beginning, and returns its path.
  // Replaces a file of that name.
  absl::StatusOr<std::string> Write(const std::string& name,
                                    const std::string& bytes) const;

 private:
  OutputFolder(std::filesystem::path folder, std::string prefix);

  std::filesystem::path folder_;
  std::string prefix_;  // "digits-7".
};

}  // namespace cascade
