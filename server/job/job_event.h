#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "models/host_image.h"
#include "models/stage_executor.h"
#include "server/job/generation_request.h"

namespace cascade {

// The request was admitted.
struct QueuedEvent {
  int position = 0;  // Images ahead of its first one; 0 when none.
  // When its first step and its end are expected, from now.
  absl::Duration expected_wait = absl::ZeroDuration();
  absl::Duration expected_time = absl::ZeroDuration();
  // As granted: the server's configuration caps what a client asks for.
  Priority priority = Priority::kStandard;
  // What will run: under kBestEffort it may be less than was asked for.
  int target_stage = 0;
};

// The first step of an image in a stage is about to run.
struct StageStartedEvent {
  int image_index = 0;
  uint64_t image_seed = 0;
  int stage_index = 0;
  int num_steps = 0;
};

// Pixels of an image: the current estimate inside a stage, or its result.
// `Picture` is HostImage as a lane makes it, EncodedImage as a client gets it.
template <typename Picture>
struct PictureEvent {
  int image_index = 0;
  uint64_t image_seed = 0;
  int stage_index = 0;
  int steps_done = 0;
  int num_steps = 0;
  bool is_preview = false;
  Picture picture;
  // A stage's image that is an estimate: the stage stopped early and handed
  // noise over.
  bool is_estimate = false;
  // The exact output, if the request asks for it and this is a stage's image.
  std::shared_ptr<const StageOutput> state = nullptr;
};

// Pixels in the format that the client chose.
struct EncodedImage {
  ImageFormat format = ImageFormat::kPng;
  int width = 0;
  int height = 0;
  int channels = 0;
  std::string bytes;
};

// What became of one image in one stage.
struct StageTiming {
  int image_index = 0;
  int stage_index = 0;
  absl::Duration waited;       // From ready for the stage to its first step.
  absl::Duration ran;          // From its first step to its last.
  absl::Duration device_time;  // Its share of the steps that it took part in.
};

// Every image is done. The last event of a successful stream.
struct FinishedEvent {
  absl::Duration queued;  // From admission to the first step.
  absl::Duration total;   // From admission to here.
  std::vector<StageTiming> timings;
  // What ran: kBestEffort may have taken steps and stages off the request.
  bool reduced_for_deadline = false;
  int target_stage = 0;
  std::vector<StageOptions> stages;  // One for each stage 0..target_stage.
  // Of each of `stages`: where it stopped for the next one, an index of that
  // one's augmentation schedule; its image is an estimate. None: it finished.
  std::vector<std::optional<int>> stop_indices;
};

using JobEvent = std::variant<QueuedEvent, StageStartedEvent,
                              PictureEvent<HostImage>, FinishedEvent>;
using EncodedJobEvent = std::variant<QueuedEvent, StageStartedEvent,
                                     PictureEvent<EncodedImage>, FinishedEvent>;

}  // namespace cascade
