#include "server/rpc/upscale_conversion.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_check.h"
#include "server/rpc/name_suggestion.h"
#include "server/rpc/source_image.h"
#include "server/rpc/stage_state.h"

namespace cascade {
namespace {

using Request = v1::UpscaleImageRequest;

void CopyClass(const Request& request, v1::GenerateImageRequest& copy) {
  switch (request.class_choice_case()) {
    case Request::kClassId:
      copy.set_class_id(request.class_id());
      break;
    case Request::kClassName:
      copy.set_class_name(request.class_name());
      break;
    case Request::kUnconditional:
      copy.set_unconditional(request.unconditional());
      break;
    case Request::CLASS_CHOICE_NOT_SET:
      break;
  }
}

// The fields that both requests have; their names are the same, too.
v1::GenerateImageRequest SharedFields(const Request& request) {
  v1::GenerateImageRequest copy;
  CopyClass(request, copy);
  if (request.has_seed()) copy.set_seed(request.seed());
  if (request.has_image_count()) copy.set_image_count(request.image_count());
  if (request.has_target_stage()) copy.set_target_stage(request.target_stage());
  *copy.mutable_stages() = request.stages();
  if (request.has_output()) *copy.mutable_output() = request.output();
  if (request.has_time_budget()) {
    *copy.mutable_time_budget() = request.time_budget();
  }
  copy.set_deadline_policy(request.deadline_policy());
  copy.set_priority(request.priority());
  copy.set_return_stage_state(request.return_stage_state());
  return copy;
}

// What the request leaves unset is as the state has it.
void FillInFromState(const v1::StageState& state,
                     v1::GenerateImageRequest& fields) {
  if (!fields.has_seed()) fields.set_seed(state.image_seed());
  if (fields.class_choice_case() !=
      v1::GenerateImageRequest::CLASS_CHOICE_NOT_SET) {
    return;
  }
  if (state.has_class_id()) {
    fields.set_class_id(state.class_id());
  } else {
    fields.set_unconditional(true);
  }
}

absl::StatusOr<EntryPoint> ReadSource(const Request& request,
                                      const CascadeSpec& cascade,
                                      const RequestLimits& limits) {
  FieldCheck check;
  if (request.source_case() == Request::SOURCE_NOT_SET) {
    check.Refuse("source", "unset: `state` or `image` is required");
  } else if (cascade.stages.size() < 2) {
    check.Refuse("cascade", absl::StrCat(Quoted(cascade.name),
                                         " has no stage that enlarges"));
  }
  if (absl::Status status = check.status(); !status.ok()) return status;
  if (request.has_image()) {
    return ReadSourceImage(request.image(), cascade, limits.max_upload_pixels);
  }
  EntryPoint entry;
  ASSIGN_OR_RETURN(entry.input, ReadStageState(request.state(), cascade));
  entry.first_stage = request.state().stage() + 1;
  return entry;
}

}  // namespace

absl::StatusOr<GenerationRequest> ConvertUpscaleImageRequest(
    const Request& request, const CascadeSpec& cascade,
    const RequestLimits& limits, const CallFacts& call) {
  RETURN_IF_ERROR(
      CheckEntryCounts(request.stages(), request.output(), cascade));
  ASSIGN_OR_RETURN(EntryPoint entry, ReadSource(request, cascade, limits));
  v1::GenerateImageRequest fields = SharedFields(request);
  if (request.has_state()) FillInFromState(request.state(), fields);
  FieldCheck check;
  GenerationRequest converted =
      ConvertFields(fields, cascade, entry.first_stage, std::move(entry.input),
                    limits, call, check);
  RefuseUnknownFields(request, check);
  if (absl::Status status = check.status(); !status.ok()) return status;
  return converted;
}

}  // namespace cascade
