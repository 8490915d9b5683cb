#pragma once

#include <array>
#include <atomic>
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
#include "server/scheduler/cascade_table.h"
#include "server/scheduler/image_place.h"
#include "server/scheduler/step_plan.h"
#include "server/scheduler/work_forecast.h"

namespace cascade {

// A stage of a job: its sampler compiled, and what is left from each line on.
struct StageRun {
  std::shared_ptr<const SamplerTable> table;
  std::vector<int> rows_from;  // Network rows from line l to the end; [n] is 0.

  int num_lines() const { return static_cast<int>(rows_from.size()) - 1; }
  int rows_left(int line) const { return rows_from[static_cast<size_t>(line)]; }
  int rows(int line) const { return rows_left(line) - rows_left(line + 1); }
  // Lines of one row and lines of two that are left from `line` on.
  int single_lines_left(int line) const {
    return 2 * (num_lines() - line) - rows_left(line);
  }
  int double_lines_left(int line) const {
    return rows_left(line) - (num_lines() - line);
  }
};

struct Job;

// One image of a job. Changed by the ImageBoard and the Scheduler only.
struct Image {
  Job* job = nullptr;  // The owner.
  ImageId id;
  uint64_t seed = 0;

  ImagePlace place = ImagePlace::kReady;
  int stage = 0;
  int line = 0;           // The next to run.
  int lane = -1;          // Where its slot is; -1: none.
  int last_lane = -1;     // Where its last slot was.
  bool begun = false;     // Has had a slot.
  bool finished = false;  // Has its target stage's image.
  // Holds a place in the inbox of the stage above.
  bool holds_credit = false;
  // Waits, and has to take one to enter its stage.
  bool needs_credit = false;
  std::shared_ptr<const StageOutput> input;   // The stage below's; null: base.
  std::shared_ptr<const ParkedImage> parked;  // Inside its stage; null: not.

  absl::Time ready_since;    // For this stage.
  absl::Time stage_started;  // First step in this stage.
  absl::Duration waited;     // For this stage.
  absl::Time last_step;
  // By stage: its share of the steps.
  std::vector<absl::Duration> device_time;

  StageId stage_id() const;
  int rows_left() const;  // Network rows, in its stage.
};

// A request inside the server. Guarded by the Scheduler's lock.
struct Job {
  JobId id = 0;
  GenerationRequest request;
  CascadeId cascade = 0;
  std::shared_ptr<const CascadeVersion> version;
  int tenant = 0;  // FairShare's index.
  std::vector<StageRun> stages;
  std::shared_ptr<EventStream> events;
  // Read by lanes. True from the moment that the job ends.
  std::shared_ptr<std::atomic<bool>> ended_flag =
      std::make_shared<std::atomic<bool>>(false);

  std::vector<Image> images;
  int finished_images = 0;
  int gone_images = 0;
  absl::Time admitted;
  // Who is due earlier goes first: the deadline, and no later than when a job
  // of this size has waited its turn.
  absl::Time due = absl::InfiniteFuture();
  // As foreseen when it came: alone, and at the load of then.
  absl::Duration unloaded;
  Forecast forecast;
  // When the deadline can no longer be met, as far as is known.
  absl::Time hopeless_at = absl::InfiniteFuture();
  std::optional<absl::Time> first_step;
  std::vector<StageTiming> timings;
  // Up to this stage, steps are settled; above, BEST_EFFORT may still take
  // some.
  int settled_stage = 0;
  // Its deadline took steps or stages off it.
  bool reduced = false;
  bool ended = false;  // Its stream is closed, or about to be.

  int priority() const { return static_cast<int>(request.priority); }
  StageMetrics* metrics_of(int stage) const {
    return version->metrics[static_cast<size_t>(stage)];
  }
  // Whether an image of `stage` goes on to another one.
  bool goes_on_after(int stage) const { return stage < request.target_stage; }
};

// Compiles stage `stage` of a request, which stops early if the next one runs
// and takes its noise (truncated conditioning augmentation). `max_rows` is the
// stage's largest batch. INVALID_ARGUMENT for what cannot run.
absl::StatusOr<StageRun> CompileStage(const CascadeSpec& spec,
                                      const GenerationRequest& request,
                                      int stage, int max_rows);

// Compiles and checks a request against its cascade. `max_rows[k]` is the
// largest batch of stage k. INVALID_ARGUMENT for what cannot run.
absl::StatusOr<std::unique_ptr<Job>> MakeJob(GenerationRequest request,
                                             const CascadeSpec& spec,
                                             const std::vector<int>& max_rows);

// The next line of an image, as its lane runs it; with `admit`, its first one
// with this slot.
PlannedImage PlanLine(const Image& image, bool admit);

}  // namespace cascade
