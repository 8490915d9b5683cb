#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "models/stage_spec.h"
#include "server/scheduler/generator.h"

namespace cascade {

// The cascade that a request's `field` names. INVALID_ARGUMENT when it is
// empty, NOT_FOUND when it is not loaded.
absl::StatusOr<std::shared_ptr<const CascadeSpec>> LookUpCascade(
    absl::string_view field, const std::string& name,
    const Generator& generator);

}  // namespace cascade
