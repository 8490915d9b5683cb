#include "server/rpc/request_conversion.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/rpc/field_check.h"
#include "server/rpc/image_conversion.h"
#include "server/rpc/name_suggestion.h"
#include "server/rpc/sampling_conversion.h"
#include "server/rpc/unknown_fields.h"

namespace cascade {
namespace {

using Request = v1::GenerateImageRequest;

std::optional<int> ConvertClassId(int class_id, const CascadeSpec& cascade,
                                  FieldCheck& check) {
  const int num_classes = NumClasses(cascade);
  if (num_classes == 0) {
    check.Refuse("class_id",
                 absl::StrCat(class_id, ": cascade ", Quoted(cascade.name),
                              " is unconditional and has no classes"));
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
                       FieldCheck& check) {
  const int top = static_cast<int>(cascade.stages.size()) - 1;
  if (!request.has_target_stage()) return top;
  if (!check.InRange("target_stage", request.target_stage(), 0, top)) {
    return top;
  }
  return request.target_stage();
}

void CheckTimeBudget(const Request& request, FieldCheck& check) {
  if (!request.has_time_budget()) return;
  const auto& budget = request.time_budget();
  if (budget.seconds() < 0 || budget.nanos() < 0 ||
      (budget.seconds() == 0 && budget.nanos() == 0)) {
    check.Refuse("time_budget",
                 absl::StrCat(budget.seconds(), "s and ", budget.nanos(),
                              "ns: must be positive"));
    return;
  }
  check.RefuseUnhonoured("time_budget",
                         "not implemented: set the call's deadline instead");
}

void CheckDeadlinePolicy(const Request& request, FieldCheck& check) {
  if (!v1::DeadlinePolicy_IsValid(request.deadline_policy())) {
    check.Refuse("deadline_policy",
                 absl::StrCat(static_cast<int>(request.deadline_policy()),
                              " is not a deadline policy"));
  } else if (request.deadline_policy() == v1::DEADLINE_POLICY_BEST_EFFORT) {
    check.RefuseUnhonoured("deadline_policy",
                           "DEADLINE_POLICY_BEST_EFFORT is not implemented");
  }
}

void CheckPriority(const Request& request, FieldCheck& check) {
  if (!v1::Priority_IsValid(request.priority())) {
    check.Refuse("priority", absl::StrCat(static_cast<int>(request.priority()),
                                          " is not a priority"));
  } else if (request.priority() == v1::PRIORITY_BATCH ||
             request.priority() == v1::PRIORITY_INTERACTIVE) {
    check.RefuseUnhonoured("priority",
                           absl::StrCat(v1::Priority_Name(request.priority()),
                                        " is not implemented"));
  }
}

// What is set and would have to be ignored is refused.
void CheckUnhonoured(const Request& request, FieldCheck& check) {
  CheckTimeBudget(request, check);
  CheckDeadlinePolicy(request, check);
  CheckPriority(request, check);
  if (request.return_stage_state()) {
    check.RefuseUnhonoured("return_stage_state",
                           "stage states are not implemented");
  }
  for (const std::string& field : UnknownFields(request)) {
    check.RefuseUnhonoured(field, "this server has no such field");
  }
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

absl::StatusOr<GenerationRequest> ConvertGenerateImageRequest(
    const Request& request, const CascadeSpec& cascade,
    const RequestLimits& limits, uint64_t fallback_seed) {
  FieldCheck check;
  GenerationRequest converted;
  converted.cascade = cascade.name;
  converted.class_id = ConvertClass(request, cascade, check);
  converted.seed = request.has_seed() ? request.seed() : fallback_seed;
  if (request.has_image_count() &&
      check.InRange("image_count", request.image_count(), 1,
                    limits.max_image_count)) {
    converted.image_count = request.image_count();
  }
  converted.target_stage = ConvertTargetStage(request, cascade, check);
  converted.stages =
      ConvertStageOptions(request.stages(), cascade, converted.target_stage,
                          IsUnconditional(request, cascade), check);
  converted.output =
      ConvertOutputOptions(request.output(), converted.target_stage, check);
  CheckUnhonoured(request, check);
  if (absl::Status status = check.status(); !status.ok()) return status;
  return converted;
}

}  // namespace cascade
