#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"

namespace cascade {

// Where a cascade is entered above its base.
struct EntryPoint {
  int first_stage = 0;                       // The first that runs.
  std::shared_ptr<const StageOutput> input;  // What it enlarges.
};

// Decodes an image from elsewhere, a request's field `image`, and brings it to
// the size that its first stage takes. INVALID_ARGUMENT, with the field, for
// what is no image, too large, or of another size without a rule for it.
absl::StatusOr<EntryPoint> ReadSourceImage(const v1::SourceImage& source,
                                           const CascadeSpec& cascade,
                                           int64_t max_pixels);

}  // namespace cascade
