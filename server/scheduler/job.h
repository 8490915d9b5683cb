#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "models/stage_executor.h"
#include "models/stage_spec.h"
#include "server/job/event_stream.h"
#include "server/job/generation_request.h"
#include "server/scheduler/image_place.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// A stage of a job: its sampler compiled, and what is left from each line on.
struct StageRun {
  std::shared_ptr<const SamplerTable> table;
  std::vector<int> rows_from;  // Network rows from line l to the end; [n] is 0.

  int num_lines() const { return static_cast<int>(rows_from.size()) - 1; }
  int rows_left(int line) const { return rows_from[static_cast<size_t>(line)]; }
  int rows(int line) const { return rows_left(line) - rows_left(line + 1); }
};

struct Job;

// One image of a job. Changed by the ImageBoard and the Scheduler only.
struct Image {
  Job* job = nullptr;  // The owner.
  ImageId id;
  uint64_t seed = 0;

  ImagePlace place = ImagePlace::kReady;
  int stage = 0;
  int line = 0;                              // The next to run.
  int lane = -1;                             // Where its slot is; -1: none.
  bool begun = false;                        // Has had a slot.
  bool finished = false;                     // Has its target stage's image.
  std::shared_ptr<const StageOutput> input;  // The stage below's; null: base.

  absl::Time ready_since;    // For this stage.
  absl::Time stage_started;  // First step in this stage.
  absl::Time last_step;
  // By stage: its share of the steps.
  std::vector<absl::Duration> device_time;
};

// A request inside the server. Guarded by the Scheduler's lock.
struct Job {
  JobId id = 0;
  GenerationRequest request;
  int cascade = 0;  // Its place in the server's list.
  std::vector<StageRun> stages;
  std::shared_ptr<EventStream> events;

  std::vector<Image> images;
  int finished_images = 0;
  int gone_images = 0;
  absl::Time admitted;
  std::optional<absl::Time> first_step;
  std::vector<StageTiming> timings;
  bool ended = false;  // Its stream is closed, or about to be.
};

// Compiles and checks a request against its cascade. `max_rows[k]` is the
// largest batch of stage k. INVALID_ARGUMENT for what cannot run.
absl::StatusOr<std::unique_ptr<Job>> MakeJob(GenerationRequest request,
                                             const CascadeSpec& spec,
                                             const std::vector<int>& max_rows);

// The next line of an image, as its lane runs it; with `admit`, its first one
// in the stage.
PlannedImage PlanLine(const Image& image, bool admit);

}  // namespace cascade
