#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/call_status.h"

namespace cascade {

// How a request of a load ended.
enum class LoadOutcome {
  kOk,
  kRefused,         // By the server, before it began, with a reason.
  kDeadlineMissed,  // Begun, and not done in time.
  kCancelled,       // As the plan wanted it.
  kFailed,          // Anything else.
  kNotSent,         // Too many were under way.
};

// One request of a load. Times in seconds from when it was due.
struct LoadReply {
  size_t entry = 0;  // Of the plan.
  bool reads_slowly = false;
  absl::Time due;
  LoadOutcome outcome = LoadOutcome::kFailed;
  CallStatus status;
  std::vector<std::string> problems;  // ReplyCheck's.
  double latency = 0;
  std::optional<double> first_preview;
  // The first image of each stage.
  std::vector<std::optional<double>> stage_images;
  int images = 0;        // Of the last stage that ran; 0 if it did not finish.
  bool reduced = false;  // To meet the deadline.
};

// The outcome of a call. `admitted`: an event arrived. `to_be_cancelled`: the
// plan's.
LoadOutcome OutcomeOf(const CallStatus& status, bool admitted,
                      bool to_be_cancelled);

}  // namespace cascade
