#include "server/rpc/name_suggestion.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cascade {
namespace {

constexpr size_t kListAll = 20;
constexpr size_t kListAlike = 5;
constexpr size_t kQuotedChars = 64;

// Levenshtein's: the fewest letters to insert, remove, or replace.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// 0 for a name that contains the other.
size_t Unlikeness(const std::string& wanted, absl::string_view known) {
  const std::string lower = absl::AsciiStrToLower(known);
  if (!wanted.empty() && lower.find(wanted) != std::string::npos) return 0;
  return 1 + EditDistance(wanted, lower);
}

}  // namespace

std::string SuggestNames(absl::string_view name,
                         std::span<const std::string> known) {
  if (known.empty()) return "there are none";
  if (known.size() <= kListAll) {
    return absl::StrCat("one of ", absl::StrJoin(known, ", "));
  }
  const std::string wanted =
      absl::AsciiStrToLower(name.substr(0, kQuotedChars));
  std::vector<std::pair<size_t, absl::string_view>> ranked;
  ranked.reserve(known.size());
  for (const std::string& candidate : known) {
    ranked.emplace_back(Unlikeness(wanted, candidate), candidate);
  }
  std::partial_sort(ranked.begin(), ranked.begin() + kListAlike, ranked.end());
  ranked.resize(kListAlike);
  return absl::StrCat(
      "one of ", known.size(), ", such as ",
      absl::StrJoin(ranked, ", ", [](std::string* out, const auto& entry) {
        absl::StrAppend(out, entry.second);
      }));
}

std::string Quoted(absl::string_view text) {
  const bool cut = text.size() > kQuotedChars;
  return absl::StrCat("'", absl::CHexEscape(text.substr(0, kQuotedChars)),
                      cut ? "..." : "", "'");
}

}  // namespace cascade
