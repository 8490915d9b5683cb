#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cascade {

// The names of ImageNet's 1000 classes, by id: imagenet_classes.txt, which
// tells where they come from.
const std::vector<std::string>& ImageNetClassNames();

// The class names of a list: one a line, class 0 first. Lines that begin with
// '#' and empty lines are none; of a line with tabs, the last column counts.
std::vector<std::string> ParseClassNames(absl::string_view text);
// The same of a file. NOT_FOUND.
absl::StatusOr<std::vector<std::string>> ReadClassNames(
    const std::string& path);

}  // namespace cascade
