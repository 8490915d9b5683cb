#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "cascade/v1/sampling.pb.h"
#include "models/stage_spec.h"

namespace cascade {

// One entry of a request's field `stages`, and how messages call it.
struct StageEntry {
  const v1::StageOptions* options = nullptr;  // Null: there is none.
  std::string field;                          // "stages[2]".
};

// The entries that bear on one stage: its own goes before the one for every
// stage, field by field.
struct StageEntries {
  StageEntry own;
  StageEntry every;

  // The entry that sets what `is_set` asks for, or one without options.
  template <typename IsSet>
  const StageEntry& With(IsSet is_set) const {
    static const StageEntry kNone;
    if (own.options != nullptr && is_set(*own.options)) return own;
    if (every.options != nullptr && is_set(*every.options)) return every;
    return kNone;
  }
};

// "stage 1 (16x16)".
inline std::string StageTitle(const StageSpec& stage) {
  return absl::StrCat("stage ", stage.index, " (", stage.name, ")");
}

}  // namespace cascade
