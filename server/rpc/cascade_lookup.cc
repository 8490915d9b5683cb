#include "server/rpc/cascade_lookup.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error_reason.h"
#include "server/rpc/field_check.h"
#include "server/rpc/name_suggestion.h"

namespace cascade {

absl::StatusOr<std::shared_ptr<const CascadeSpec>> LookUpCascade(
    absl::string_view field, const std::string& name,
    const Generator& generator) {
  if (!name.empty()) {
    auto found = generator.FindCascade(name);
    if (found.ok() || !absl::IsNotFound(found.status())) return found;
  }
  std::vector<std::string> names;
  for (const auto& cascade : generator.ListCascades()) {
    names.push_back(cascade->name);
  }
  const std::string suggestion = SuggestNames(name, names);
  if (name.empty()) {
    FieldCheck check;
    check.Refuse(std::string(field), absl::StrCat("unset: ", suggestion));
    return check.status();
  }
  return ErrorWithReason(
      absl::StatusCode::kNotFound, kCascadeNotFound,
      absl::StrCat("cascade ", Quoted(name), " is not loaded; ", suggestion));
}

}  // namespace cascade
