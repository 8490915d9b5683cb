#include "server/rpc/field_check.h"

#include <utility>

#include "absl/strings/str_join.h"

namespace cascade {
namespace {

// Errors travel as HTTP/2 headers, which are limited to some kilobytes.
constexpr size_t kMaxViolations = 12;

// A field is named once, with the first thing that is wrong with it.
void Add(FieldViolation violation, std::vector<FieldViolation>& violations) {
  if (violations.size() >= kMaxViolations) return;
  for (const FieldViolation& known : violations) {
    if (known.field == violation.field) return;
  }
  violations.push_back(std::move(violation));
}

absl::Status Error(absl::StatusCode code, std::string_view reason,
                   const std::vector<FieldViolation>& violations) {
  absl::Status status = ErrorWithReason(
      code, reason,
      absl::StrJoin(violations, "; ",
                    [](std::string* out, const FieldViolation& violation) {
                      absl::StrAppend(out, violation.field, ": ",
                                      violation.description);
                    }));
  SetFieldViolations(status, violations);
  return status;
}

}  // namespace

void FieldCheck::Refuse(std::string field, std::string description) {
  Add({std::move(field), std::move(description)}, invalid_);
}

void FieldCheck::RefuseUnhonoured(std::string field, std::string description) {
  Add({std::move(field), std::move(description)}, unhonoured_);
}

absl::Status FieldCheck::status() const {
  if (!invalid_.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, kInvalidField, invalid_);
  }
  if (!unhonoured_.empty()) {
    return Error(absl::StatusCode::kUnimplemented, kFieldUnimplemented,
                 unhonoured_);
  }
  return absl::OkStatus();
}

absl::Status InvalidField(std::string field, std::string description) {
  return FieldError(absl::StatusCode::kInvalidArgument, kInvalidField,
                    std::move(field), std::move(description));
}

absl::Status FieldError(absl::StatusCode code, std::string_view reason,
                        std::string field, std::string description) {
  return Error(code, reason, {{std::move(field), std::move(description)}});
}

std::string SubField(absl::string_view message, absl::string_view field) {
  return message.empty() ? std::string(field)
                         : absl::StrCat(message, ".", field);
}

std::string ElementField(absl::string_view field, int index) {
  return absl::StrCat(field, "[", index, "]");
}

}  // namespace cascade
