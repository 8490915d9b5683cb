#include "server/rpc/scheduling_conversion.h"

#include "absl/strings/str_cat.h"

namespace cascade {

absl::Time ConvertTimeBudget(const google::protobuf::Duration& budget,
                             absl::Time start, FieldCheck& check) {
  constexpr int kNanosPerSecond = 1'000'000'000;
  const bool is_duration = budget.seconds() >= 0 && budget.nanos() >= 0 &&
                           budget.nanos() < kNanosPerSecond;
  if (!is_duration || (budget.seconds() == 0 && budget.nanos() == 0)) {
    check.Refuse("time_budget",
                 absl::StrCat(budget.seconds(), "s and ", budget.nanos(),
                              "ns: must be positive"));
    return absl::InfiniteFuture();
  }
  return start + absl::Seconds(budget.seconds()) +
         absl::Nanoseconds(budget.nanos());
}

DeadlinePolicy ConvertDeadlinePolicy(v1::DeadlinePolicy policy,
                                     FieldCheck& check) {
  switch (policy) {
    case v1::DEADLINE_POLICY_UNSPECIFIED:
    case v1::DEADLINE_POLICY_STRICT:
      return DeadlinePolicy::kStrict;
    case v1::DEADLINE_POLICY_BEST_EFFORT:
      return DeadlinePolicy::kBestEffort;
    default:
      check.Refuse(
          "deadline_policy",
          absl::StrCat(static_cast<int>(policy), " is not a deadline policy"));
      return DeadlinePolicy::kStrict;
  }
}

Priority ConvertPriority(v1::Priority priority, FieldCheck& check) {
  switch (priority) {
    case v1::PRIORITY_BATCH:
      return Priority::kBatch;
    case v1::PRIORITY_UNSPECIFIED:
    case v1::PRIORITY_STANDARD:
      return Priority::kStandard;
    case v1::PRIORITY_INTERACTIVE:
      return Priority::kInteractive;
    default:
      check.Refuse("priority", absl::StrCat(static_cast<int>(priority),
                                            " is not a priority"));
      return Priority::kStandard;
  }
}

v1::Priority ToProto(Priority priority) {
  switch (priority) {
    case Priority::kBatch:
      return v1::PRIORITY_BATCH;
    case Priority::kStandard:
      return v1::PRIORITY_STANDARD;
    case Priority::kInteractive:
      return v1::PRIORITY_INTERACTIVE;
  }
  return v1::PRIORITY_UNSPECIFIED;
}

}  // namespace cascade
