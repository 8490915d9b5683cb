#include "client/upscale_request.h"

#include <algorithm>

namespace cascade {

int FirstStage(const v1::UpscaleImageRequest& request,
               const v1::Cascade& cascade) {
  const int num_stages = cascade.stages_size();
  if (request.has_state()) {
    return std::clamp(request.state().stage(), -1, num_stages - 1) + 1;
  }
  const int first_stage =
      request.image().has_first_stage() ? request.image().first_stage() : 1;
  return std::clamp(first_stage, 0, num_stages);
}

void SetFields(const v1::GenerateImageRequest& fields,
               v1::UpscaleImageRequest& request) {
  if (fields.has_class_id()) request.set_class_id(fields.class_id());
  if (fields.has_class_name()) request.set_class_name(fields.class_name());
  if (fields.has_unconditional()) {
    request.set_unconditional(fields.unconditional());
  }
  if (fields.has_seed()) request.set_seed(fields.seed());
  if (fields.has_image_count()) request.set_image_count(fields.image_count());
  if (fields.has_target_stage()) {
    request.set_target_stage(fields.target_stage());
  }
  *request.mutable_stages() = fields.stages();
  *request.mutable_output() = fields.output();
  if (fields.has_time_budget()) {
    *request.mutable_time_budget() = fields.time_budget();
  }
  request.set_deadline_policy(fields.deadline_policy());
  request.set_priority(fields.priority());
  request.set_return_stage_state(fields.return_stage_state());
}

}  // namespace cascade
