#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cascade {

// Deeper than any of our files; the parser itself has no limit, and what works
// its way through a deep value afterwards would run out of stack.
inline constexpr int kMaxJsonDepth = 32;

// What a parser lets pass: INVALID_ARGUMENT for a key that an object has twice
// (one of the two values would be lost), and for nesting beyond kMaxJsonDepth.
// OK for what is no JSON.
absl::Status CheckJsonStructure(absl::string_view text, bool allow_comments);

// Parses `text` as a `Json` (nlohmann::json or ordered_json). INVALID_ARGUMENT
// for what is no JSON, and as CheckJsonStructure() says.
template <typename Json>
absl::StatusOr<Json> ParseStrictJson(absl::string_view text,
                                     bool allow_comments) {
  absl::Status structure = CheckJsonStructure(text, allow_comments);
  if (!structure.ok()) return structure;
  try {
    return Json::parse(text.begin(), text.end(), /*cb=*/nullptr,
                       /*allow_exceptions=*/true, allow_comments);
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("not JSON: ", error.what()));
  }
}

}  // namespace cascade
