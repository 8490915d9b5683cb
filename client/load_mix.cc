#include "client/load_mix.h"

#include <cmath>
#include <functional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Sets a field; false if the text is not a value of it.
using Setter = std::function<bool(const std::string&, MixEntry&)>;

Setter SetText(std::string MixEntry::*member) {
  return [member](const std::string& text, MixEntry& entry) {
    entry.*member = text;
    return !text.empty();
  };
}

Setter SetFlag(std::string RequestFlags::*member) {
  return [member](const std::string& text, MixEntry& entry) {
    entry.flags.*member = text;
    return !text.empty();
  };
}

Setter SetNumber(std::optional<int> RequestFlags::*member) {
  return [member](const std::string& text, MixEntry& entry) {
    int number = 0;
    if (!absl::SimpleAtoi(text, &number)) return false;
    entry.flags.*member = number;
    return true;
  };
}

const std::vector<std::pair<std::string, Setter>>& Fields() {
  static const auto* const kFields =
      new std::vector<std::pair<std::string, Setter>>{
          {"name", SetText(&MixEntry::name)},
          {"steps", SetFlag(&RequestFlags::steps)},
          {"count", SetNumber(&RequestFlags::image_count)},
          {"target-stage", SetNumber(&RequestFlags::target_stage)},
          {"class", SetFlag(&RequestFlags::class_choice)},
          {"priority", SetFlag(&RequestFlags::priority)},
          {"tenant", SetText(&MixEntry::tenant)},
          {"deadline", SetText(&MixEntry::deadline)},
      };
  return *kFields;
}

absl::Status WrongEntry(const std::string& entry, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("--mix ", entry, ": ", why));
}

absl::Status SetField(const std::string& text, const std::string& assignment,
                      MixEntry& entry) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  std::vector<std::string> known;
  for (const auto& [name, setter] : Fields()) {
    known.push_back(name);
    if (name != parts.first) continue;
    if (setter(parts.second, entry)) return absl::OkStatus();
    return WrongEntry(
        text, absl::StrCat(name, "='", parts.second, "' cannot be read"));
  }
  return WrongEntry(text, absl::StrCat("'", parts.first, "' is not one of ",
                                       absl::StrJoin(known, ", ")));
}

absl::StatusOr<MixEntry> ParseEntry(const std::string& text,
                                    const MixEntry& defaults) {
  std::vector<std::string> parts = absl::StrSplit(text, ':');
  for (std::string& part : parts) absl::StripAsciiWhitespace(&part);
  MixEntry entry = defaults;
  const auto weight = ParsePercentFlag("the weight", parts[0]);
  if (!weight.ok()) {
    return WrongEntry(text, std::string(weight.status().message()));
  }
  if (*weight == 0) return WrongEntry(text, "the weight must be positive");
  entry.weight = *weight;
  parts.erase(parts.begin());
  entry.name = parts.empty() ? "default" : absl::StrJoin(parts, " ");
  for (const std::string& part : parts) {
    RETURN_IF_ERROR(SetField(text, part, entry));
  }
  return entry;
}

}  // namespace

absl::StatusOr<std::vector<MixEntry>> ParseMix(const std::string& text,
                                               const MixEntry& defaults) {
  std::vector<MixEntry> entries;
  std::set<std::string> names;
  for (std::string part : std::vector<std::string>(absl::StrSplit(text, ';'))) {
    absl::StripAsciiWhitespace(&part);
    ASSIGN_OR_RETURN(entries.emplace_back(), ParseEntry(part, defaults));
    if (!names.insert(entries.back().name).second) {
      return WrongEntry(part, absl::StrCat("a second entry is called '",
                                           entries.back().name, "'"));
    }
  }
  return entries;
}

absl::StatusOr<double> ParsePercentFlag(const std::string& flag,
                                        const std::string& value) {
  double percent = 0;
  if (!absl::SimpleAtod(absl::StripSuffix(value, "%"), &percent) ||
      !(percent >= 0 && percent <= 100)) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " '", value, "': 0% to 100% is expected"));
  }
  return percent / 100;
}

}  // namespace cascade
