#include "models/evaluation/same_classes.h"

#include "absl/strings/str_cat.h"

namespace cascade {

absl::Status CheckSameClasses(const std::vector<std::string>& names_a,
                              const std::string& a,
                              const std::vector<std::string>& names_b,
                              const std::string& b) {
  if (names_a.size() != names_b.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        a, " has ", names_a.size(), " classes, ", b, " has ", names_b.size()));
  }
  for (size_t i = 0; i < names_a.size(); ++i) {
    if (names_a[i] != names_b[i]) {
      return absl::InvalidArgumentError(
          absl::StrCat("class ", i, " is \"", names_a[i], "\" in ", a, ", \"",
                       names_b[i], "\" in ", b));
    }
  }
  return absl::OkStatus();
}

}  // namespace cascade
