#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/error_reason.h"

namespace cascade {

// Collects what is wrong with the fields of one request, so that a client hears
// of all of it at once. Owned by one thread.
class FieldCheck {
 public:
  // INVALID_ARGUMENT: `description` tells the value and what is allowed.
  void Refuse(std::string field, std::string description);
  // UNIMPLEMENTED: the field is set to what this server does not honour.
  void RefuseUnhonoured(std::string field, std::string description);

  // Refuses a value outside of low..high, and a NaN. True if it is inside.
  template <typename T>
  bool InRange(absl::string_view field, T value, T low, T high) {
    if (value >= low && value <= high) return true;
    Refuse(std::string(field),
           absl::StrCat(value, " is not in ", low, "..", high));
    return false;
  }

  // INVALID_ARGUMENT if a field is wrong, else UNIMPLEMENTED if one is not
  // honoured, with all of them as field violations; else OK.
  absl::Status status() const;

 private:
  std::vector<FieldViolation> invalid_;
  std::vector<FieldViolation> unhonoured_;
};

// INVALID_ARGUMENT about one field.
absl::Status InvalidField(std::string field, std::string description);
// Another error about one field.
absl::Status FieldError(absl::StatusCode code, std::string_view reason,
                        std::string field, std::string description);

// "stages[1].steps" from ("stages[1]", "steps").
std::string SubField(absl::string_view message, absl::string_view field);
// "stages[1]" from ("stages", 1).
std::string ElementField(absl::string_view field, int index);

}  // namespace cascade
