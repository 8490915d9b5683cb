#pragma once

#include "absl/time/time.h"
#include "cascade/v1/scheduling.pb.h"
#include "google/protobuf/duration.pb.h"
#include "server/job/generation_request.h"
#include "server/rpc/field_check.h"

namespace cascade {

// When a `time_budget` that began at `start` is spent. What is wrong goes to
// `check`.
absl::Time ConvertTimeBudget(const google::protobuf::Duration& budget,
                             absl::Time start, FieldCheck& check);

// A request's fields `deadline_policy` and `priority`.
DeadlinePolicy ConvertDeadlinePolicy(v1::DeadlinePolicy policy,
                                     FieldCheck& check);
Priority ConvertPriority(v1::Priority priority, FieldCheck& check);

v1::Priority ToProto(Priority priority);

}  // namespace cascade
