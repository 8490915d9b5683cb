#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/evaluation/cascade_bound.h"

namespace cascade {

// Bits per value of an image of `values` values.
double BitsPerDimension(double nats, int64_t values);

// What people read of a report, in bits per dimension: of the last stage for a
// cascade, of each stage for kStages.
nlohmann::ordered_json BoundSummary(const BoundReport& report, BoundKind kind);

// Every term as a line of CSV, in bits per dimension as in the summary, a
// header first: stage, timestep, bits, evaluations. The prior has the timestep
// T, the decoder's is 0.
std::string BoundTerms(const BoundReport& report, BoundKind kind);

// Keeps a report, and what it was made with, in a file from which a later run
// goes on. Replaces `path` atomically.
absl::Status SaveBoundState(const std::string& path,
                            const nlohmann::ordered_json& settings,
                            const BoundReport& report);
// Nothing if there is no file. INVALID_ARGUMENT naming the first setting that
// differs, DATA_LOSS for a file that holds no state.
absl::StatusOr<std::optional<BoundReport>> LoadBoundState(
    const std::string& path, const nlohmann::ordered_json& settings);

}  // namespace cascade
