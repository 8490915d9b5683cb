#pragma once

#include <span>
#include <string>

#include "absl/strings/string_view.h"

namespace cascade {

// What to tell somebody who asked for `name`, which is not among `known`: all
// of them when they are few ("one of a, b, c"), else the most alike.
std::string SuggestNames(absl::string_view name,
                         std::span<const std::string> known);

// Text from outside, fit for a message: escaped, and cut when it is long.
std::string Quoted(absl::string_view text);

}  // namespace cascade
