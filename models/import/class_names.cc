#include "models/import/class_names.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "models/import/imagenet_classes.h"
#include "models/weights/safetensors.h"
#include "server/base/status_macros.h"

namespace cascade {

std::vector<std::string> ParseClassNames(absl::string_view text) {
  std::vector<std::string> names;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    const size_t tab = line.rfind('\t');
    if (tab != absl::string_view::npos) line.remove_prefix(tab + 1);
    names.emplace_back(line);
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> ReadClassNames(
    const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, ReadWholeFile(path));
  return ParseClassNames(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

const std::vector<std::string>& ImageNetClassNames() {
  static const auto* const kNames =
      new std::vector<std::string>(ParseClassNames(kImageNetClassesText));
  return *kNames;
}

}  // namespace cascade
