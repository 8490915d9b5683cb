#include "server/rpc/request_conversion.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_check.h"
#include "server/rpc/image_conversion.h"
#include "server/rpc/name_suggestion.h"
#include "server/rpc/sampling_conversion.h"
#include "server/rpc/scheduling_conversion.h"
#include "server/rpc/unknown_fields.h"

namespace cascade {
namespace {

using Request = v1::GenerateImageRequest;

std::string HasNoClasses(const CascadeSpec& cascade) {
  return absl::StrCat("cascade ", Quoted(cascade.name),
                      " is unconditional and has no classes");
}

std::optional<int> ConvertClassId(int class_id, const CascadeSpec& cascade,
                                  FieldCheck& check) {
  const int num_classes = NumClasses(cascade);
  if (num_classes == 0) {
    check.Refuse("class_id",
                 absl::StrCat(class_id, ": ", HasNoClasses(cascade)));
    return std::nullopt;
  }
  if (!check.InRange("class_id", class_id, 0, num_classes - 1)) {
    return std::nullopt;
  }
  return class_id;
}

std::optional<int> ConvertClassName(const std::string& name,
                                    const CascadeSpec& cascade,
                                    FieldCheck& check) {
  if (NumClasses(cascade) == 0) {
    check.Refuse("class_name",
                 absl::StrCat(Quoted(name), ": ", HasNoClasses(cascade)));
    return std::nullopt;
  }
  const auto& names = cascade.class_names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<int>(found - names.begin());
  check.Refuse(
      "class_name",
      absl::StrCat(Quoted(name), " is not a class of cascade ",
                   Quoted(cascade.name), "; ", SuggestNames(name, names)));
  return std::nullopt;
}

void CheckUnconditional(bool unconditional, const CascadeSpec& cascade,
                        FieldCheck& check) {
  if (!unconditional) {
    check.Refuse("unconditional", "false: set a class instead");
  } else if (!SupportsUnconditional(cascade)) {
    check.Refuse("unconditional",
                 absl::StrCat("true: a stage of cascade ", Quoted(cascade.name),
                              " has no null class"));
  }
}

std::optional<int> ConvertClass(const Request& request,
                                const CascadeSpec& cascade, FieldCheck& check) {
  switch (request.class_choice_case()) {
    case Request::kClassId:
      return ConvertClassId(request.class_id(), cascade, check);
    case Request::kClassName:
      return ConvertClassName(request.class_name(), cascade, check);
    case Request::kUnconditional:
      CheckUnconditional(request.unconditional(), cascade, check);
      return std::nullopt;
    case Request::CLASS_CHOICE_NOT_SET:
      break;
  }
  if (NumClasses(cascade) > 0) {
    check.Refuse("class_id",
                 absl::StrCat("unset: cascade ", Quoted(cascade.name),
                              " needs class_id (0..", NumClasses(cascade) - 1,
                              ") or class_name"));
  }
  return std::nullopt;
}

bool IsUnconditional(const Request& request, const CascadeSpec& cascade) {
  return request.has_unconditional() || NumClasses(cascade) == 0;
}

int ConvertTargetStage(const Request& request, const CascadeSpec& cascade,
                       int first_stage, FieldCheck& check) {
  const int top = static_cast<int>(cascade.stages.size()) - 1;
  if (!request.has_target_stage()) return top;
  if (!check.InRange("target_stage", request.target_stage(), first_stage,
                     top)) {
    return top;
  }
  return request.target_stage();
}

void ConvertScheduling(const Request& request, const CallFacts& call,
                       GenerationRequest& converted, FieldCheck& check) {
  converted.deadline = call.deadline;
  if (request.has_time_budget()) {
    converted.deadline =
        std::min(call.deadline,
                 ConvertTimeBudget(request.time_budget(), call.arrival, check));
  }
  converted.deadline_policy =
      ConvertDeadlinePolicy(request.deadline_policy(), check);
  converted.priority = ConvertPriority(request.priority(), check);
  converted.tenant = call.tenant;
}

void CheckEntryCount(const char* field, int count, int most,
                     FieldCheck& check) {
  if (count <= most) return;
  check.Refuse(field, absl::StrCat(count, " entries: at most ", most));
}

// Nobody knows yet which stage the time suffices for: the client gets every
// stage's image, so that it has one when the time is up.
void SendEveryStage(int first_stage, std::vector<bool>& stage_images) {
  std::fill(stage_images.begin() + first_stage, stage_images.end(), true);
}

}  // namespace

int NumClasses(const CascadeSpec& cascade) {
  int num_classes = 0;
  for (const StageSpec& stage : cascade.stages) {
    num_classes = std::max(num_classes, stage.num_classes);
  }
  return num_classes;
}

bool SupportsUnconditional(const CascadeSpec& cascade) {
  return std::all_of(cascade.stages.begin(), cascade.stages.end(),
                     [](const StageSpec& stage) {
                       return stage.num_classes == 0 || stage.has_null_class;
                     });
}

absl::Status CheckEntryCounts(
    const google::protobuf::RepeatedPtrField<v1::StageOptions>& stages,
    const v1::OutputOptions& output, const CascadeSpec& cascade) {
  const int num_stages = static_cast<int>(cascade.stages.size());
  FieldCheck check;
  // One more is for every stage.
  CheckEntryCount("stages", stages.size(), num_stages + 1, check);
  CheckEntryCount("output.stages", output.stages_size(), num_stages, check);
  return check.status();
}

GenerationRequest ConvertFields(const Request& request,
                                const CascadeSpec& cascade, int first_stage,
                                std::shared_ptr<const StageOutput> input,
                                const RequestLimits& limits,
                                const CallFacts& call, FieldCheck& check) {
  GenerationRequest converted;
  converted.request_id = call.request_id;
  converted.cascade = cascade.name;
  converted.cascade_digest = cascade.digest;
  converted.class_id = ConvertClass(request, cascade, check);
  converted.seed = request.has_seed() ? request.seed() : call.fallback_seed;
  if (request.has_image_count() &&
      check.InRange("image_count", request.image_count(), 1,
                    limits.max_image_count)) {
    converted.image_count = request.image_count();
  }
  converted.first_stage = first_stage;
  converted.target_stage =
      ConvertTargetStage(request, cascade, first_stage, check);
  converted.stages = ConvertStageOptions(
      request.stages(), cascade, first_stage, converted.target_stage,
      IsUnconditional(request, cascade), input.get(), check);
  converted.input = std::move(input);
  converted.output = ConvertOutputOptions(request.output(), first_stage,
                                          converted.target_stage, check);
  converted.returns_state = request.return_stage_state();
  ConvertScheduling(request, call, converted, check);
  if (converted.deadline_policy == DeadlinePolicy::kBestEffort) {
    SendEveryStage(first_stage, converted.output.stage_images);
  }
  return converted;
}

void RefuseUnknownFields(const google::protobuf::Message& request,
                         FieldCheck& check) {
  for (const std::string& field : UnknownFields(request)) {
    check.RefuseUnhonoured(field, "this server has no such field");
  }
}

absl::StatusOr<GenerationRequest> ConvertGenerateImageRequest(
    const Request& request, const CascadeSpec& cascade,
    const RequestLimits& limits, const CallFacts& call) {
  RETURN_IF_ERROR(
      CheckEntryCounts(request.stages(), request.output(), cascade));
  FieldCheck check;
  GenerationRequest converted =
      ConvertFields(request, cascade, /*first_stage=*/0, /*input=*/nullptr,
                    limits, call, check);
  RefuseUnknownFields(request, check);
  if (absl::Status status = check.status(); !status.ok()) return status;
  return converted;
}

}  // namespace cascade
