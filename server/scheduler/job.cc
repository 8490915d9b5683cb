#include "server/scheduler/job.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "models/truncation.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::Status Invalid(const std::string& field, const std::string& description) {
  absl::Status status =
      ErrorWithReason(absl::StatusCode::kInvalidArgument, kInvalidField,
                      absl::StrCat(field, ": ", description));
  SetFieldViolations(status, {{field, description}});
  return status;
}

// Whether the client is to see pixels after `line` of `stage`.
bool WantsPixels(const GenerationRequest& request, int stage, int line,
                 int num_lines) {
  const OutputOptions& output = request.output;
  const size_t k = static_cast<size_t>(stage);
  if (line + 1 == num_lines) {
    // Under kBestEffort each stage's image may turn out to be the last one.
    return stage == request.target_stage ||
           request.deadline_policy == DeadlinePolicy::kBestEffort ||
           (k < output.stage_images.size() && output.stage_images[k]);
  }
  const int every = output.preview_every_steps;
  return every > 0 && (line + 1) % every == 0;
}

// Whether the client is to get the exact output of `stage`.
bool ReturnsState(const GenerationRequest& request, int stage) {
  return request.returns_state &&
         (stage == request.target_stage ||
          request.deadline_policy == DeadlinePolicy::kBestEffort);
}

// Where stage `k` stops for the next one.
absl::StatusOr<std::optional<int>> StopOf(const CascadeSpec& cascade,
                                          const GenerationRequest& request,
                                          size_t k) {
  const StageOptions& next = request.stages[k + 1];
  if (next.augmentation_mode != AugmentationMode::kTruncated) {
    return std::optional<int>();
  }
  const absl::Status possible = CheckTruncation(
      cascade.stages[k], request.stages[k].sampler, cascade.stages[k + 1]);
  if (!possible.ok()) {
    return Invalid("stages", absl::StrCat("stage ", k + 1,
                                          ": augmentation.mode: truncated: ",
                                          possible.message()));
  }
  return TruncationTimestep(cascade.stages[k + 1], next.augmentation_level);
}

}  // namespace

StageId Image::stage_id() const { return {job->cascade, stage}; }

int Image::rows_left() const {
  return job->stages[static_cast<size_t>(stage)].rows_left(line);
}

absl::StatusOr<StageRun> CompileStage(const CascadeSpec& cascade,
                                      const GenerationRequest& request,
                                      int stage_index, int max_rows) {
  const size_t k = static_cast<size_t>(stage_index);
  const StageSpec& spec = cascade.stages[k];
  const StageOptions& options = request.stages[k];
  // An entry's place in the request is not the stage's: the text names it.
  const std::string stage =
      absl::StrCat("stage ", spec.index, " (", spec.name, "): ");
  std::optional<int> stop;
  // What is below the first stage has run before, as its output says.
  if (stage_index >= request.first_stage &&
      stage_index < request.target_stage) {
    ASSIGN_OR_RETURN(stop, StopOf(cascade, request, k));
  }
  absl::StatusOr<SamplerTable> table =
      CompileSampler(spec.diffusion, options.sampler, stop);
  if (!table.ok()) {
    return Invalid("stages",
                   absl::StrCat(stage, "sampler: ", table.status().message()));
  }
  StageRun run;
  run.rows_from.assign(table->lines.size() + 1, 0);
  for (size_t line = table->lines.size(); line-- > 0;) {
    const int rows = RowsOf(table->lines[line]);
    if (rows > max_rows) {
      return Invalid("stages",
                     absl::StrCat(stage, "guidance.scale: ",
                                  options.sampler.guidance.scale, " takes ",
                                  rows, " rows a step, and this server has ",
                                  max_rows, "; only 1 is possible"));
    }
    run.rows_from[line] = run.rows_from[line + 1] + rows;
  }
  if (table->lines.empty()) {
    return Invalid("stages", stage + "sampler: has no steps");
  }
  run.table = std::make_shared<const SamplerTable>(*std::move(table));
  return run;
}

absl::StatusOr<std::unique_ptr<Job>> MakeJob(GenerationRequest request,
                                             const CascadeSpec& spec,
                                             const std::vector<int>& max_rows) {
  const int num_stages = static_cast<int>(spec.stages.size());
  if (request.target_stage < 0 || request.target_stage >= num_stages) {
    return Invalid(
        "target_stage",
        absl::StrCat(request.target_stage, " is not in 0..", num_stages - 1));
  }
  if (request.first_stage < 0 || request.first_stage > request.target_stage) {
    return Invalid("first_stage",
                   absl::StrCat(request.first_stage, " is not in 0..",
                                request.target_stage));
  }
  const size_t stages = static_cast<size_t>(request.target_stage) + 1;
  if (request.stages.size() != stages) {
    return Invalid("stages", absl::StrCat(request.stages.size(),
                                          " entries for ", stages, " stages"));
  }
  auto job = std::make_unique<Job>();
  for (size_t k = 0; k < stages; ++k) {
    ASSIGN_OR_RETURN(
        StageRun run,
        CompileStage(spec, request, static_cast<int>(k), max_rows[k]));
    job->stages.push_back(std::move(run));
  }
  job->request = std::move(request);
  return job;
}

PlannedImage PlanLine(const Image& image, bool admit) {
  const Job& job = *image.job;
  const size_t k = static_cast<size_t>(image.stage);
  const StageRun& run = job.stages[k];
  PlannedImage plan;
  plan.image = image.id;
  plan.rows = run.rows(image.line);
  plan.line = image.line;
  plan.num_lines = run.num_lines();
  plan.wants_pixels =
      WantsPixels(job.request, image.stage, image.line, run.num_lines());
  plan.hands_over = job.goes_on_after(image.stage);
  plan.stops_early = run.table->stop_timestep.has_value();
  plan.returns_state = plan.is_last() && ReturnsState(job.request, image.stage);
  plan.image_seed = image.seed;
  plan.events = job.events;
  plan.ended = job.ended_flag;
  if (admit) {
    plan.admit = ImagePlan{
        .table = run.table,
        .image_seed = image.seed,
        .class_id = job.request.class_id,
        .augmentation_level = job.request.stages[k].augmentation_level,
        .input = image.parked == nullptr ? image.input : nullptr,
        .parked = image.parked,
    };
  }
  return plan;
}

}  // namespace cascade
