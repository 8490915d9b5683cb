#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace cascade {

// INVALID_ARGUMENT unless the two lists are equal; `a` and `b` say whose they
// are.
absl::Status CheckSameClasses(const std::vector<std::string>& names_a,
                              const std::string& a,
                              const std::vector<std::string>& names_b,
                              const std::string& b);

}  // namespace cascade
