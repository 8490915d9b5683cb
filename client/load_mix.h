#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/request_flags.h"

namespace cascade {

// One kind of request in a load: what it changes of the command's flags, and
// how often it is sent.
struct MixEntry {
  std::string name;
  double weight = 1;  // Relative to the other entries'.
  RequestFlags flags;
  std::string tenant;    // Empty: none is told.
  std::string deadline;  // As it was typed; empty: none.
};

// For `--help`.
inline constexpr char kMixHelp[] =
    "Kinds of requests, WEIGHT:FIELD=VALUE:...;...: "
    "\"90%:name=short:steps=4,4,2;10%:name=long:steps=40,40,20\". Fields: "
    "name, steps, count, target-stage, class, priority (batch, standard, "
    "interactive), tenant, deadline. What is left out is as the flags say";

// Reads `--mix`; every entry begins as `defaults`. An entry without a name is
// called by its fields. INVALID_ARGUMENT names the entry, the field, and the
// value.
absl::StatusOr<std::vector<MixEntry>> ParseMix(const std::string& text,
                                               const MixEntry& defaults);

// A flag in percent, as a fraction: "5%" or "5" is 0.05. At most 100 %.
absl::StatusOr<double> ParsePercentFlag(const std::string& flag,
                                        const std::string& value);

}  // namespace cascade
