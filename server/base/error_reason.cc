#include "server/base/error_reason.h"

#include <cstdint>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cascade {
namespace {

constexpr std::string_view kReasonUrl = "cascade/reason";
constexpr std::string_view kRetryDelayUrl = "cascade/retry_delay_ns";
constexpr std::string_view kViolationsUrl = "cascade/field_violations";

// Ends each of the texts in a list of violations.
constexpr char kEnd = '\0';

// Debian's Abseil has a string_view of its own.
absl::string_view Absl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

void SetText(absl::Status& status, std::string_view url,
             std::string_view text) {
  if (!status.ok()) status.SetPayload(Absl(url), absl::Cord(Absl(text)));
}

std::optional<std::string> Text(const absl::Status& status,
                                std::string_view url) {
  const auto payload = status.GetPayload(Absl(url));
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

}  // namespace

void SetErrorReason(absl::Status& status, std::string_view reason) {
  SetText(status, kReasonUrl, reason);
}

void SetRetryDelay(absl::Status& status, absl::Duration delay) {
  SetText(status, kRetryDelayUrl,
          absl::StrCat(absl::ToInt64Nanoseconds(delay)));
}

void SetFieldViolations(absl::Status& status,
                        const std::vector<FieldViolation>& violations) {
  std::string text;
  for (const FieldViolation& violation : violations) {
    text += violation.field;
    text += kEnd;
    text += violation.description;
    text += kEnd;
  }
  SetText(status, kViolationsUrl, text);
}

std::string ErrorReason(const absl::Status& status) {
  return Text(status, kReasonUrl).value_or("");
}

std::optional<absl::Duration> RetryDelay(const absl::Status& status) {
  std::optional<std::string> text = Text(status, kRetryDelayUrl);
  int64_t nanoseconds = 0;
  if (!text.has_value() || !absl::SimpleAtoi(*text, &nanoseconds)) {
    return std::nullopt;
  }
  return absl::Nanoseconds(nanoseconds);
}

std::vector<FieldViolation> FieldViolations(const absl::Status& status) {
  std::vector<FieldViolation> violations;
  std::optional<std::string> text = Text(status, kViolationsUrl);
  if (!text.has_value()) return violations;
  std::vector<std::string> parts = absl::StrSplit(*text, kEnd);
  for (size_t i = 0; i + 1 < parts.size(); i += 2) {
    violations.push_back({parts[i], parts[i + 1]});
  }
  return violations;
}

absl::Status ErrorWithReason(absl::StatusCode code, std::string_view reason,
                             std::string_view message) {
  absl::Status status(code, Absl(message));
  SetErrorReason(status, reason);
  return status;
}

}  // namespace cascade
