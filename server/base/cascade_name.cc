#include "server/base/cascade_name.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/str_cat.h"

namespace cascade {

std::string CheckCascadeName(const std::string& name) {
  const bool is_name =
      !name.empty() && name.size() <= 64 &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
      });
  if (is_name) return "";
  return absl::StrCat("'", name,
                      "' is not a name of 1 to 64 letters, digits, '-', '_' "
                      "and '.'");
}

}  // namespace cascade
