#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace cascade {

// A name from a stranger's file as a message shows it: its first 100 bytes, and
// '?' for every byte that is not printable ASCII, so that no terminal obeys it.
std::string Printable(absl::string_view text);

}  // namespace cascade
