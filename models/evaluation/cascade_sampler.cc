#include "models/evaluation/cascade_sampler.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "models/truncation.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Where stage `index` stops, for the stage that follows it.
absl::StatusOr<std::optional<int>> StopOf(
    const CascadeSpec& spec, const std::vector<StageSampling>& stages,
    size_t index) {
  const size_t next = index + 1;
  if (next >= stages.size() ||
      stages[next].augmentation_mode != AugmentationMode::kTruncated) {
    return std::optional<int>();
  }
  const absl::Status possible = CheckTruncation(
      spec.stages[index], stages[index].sampler, spec.stages[next]);
  if (!possible.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stage ", next,
        ": augmentation cannot be truncated: ", possible.message()));
  }
  return TruncationTimestep(spec.stages[next], stages[next].augmentation_level);
}

}  // namespace

std::vector<StageSampling> CascadeSampler::Defaults(const CascadeSpec& spec) {
  std::vector<StageSampling> stages;
  for (const StageSpec& stage : spec.stages) {
    stages.push_back(
        {.sampler = stage.default_sampler,
         .augmentation_level =
             stage.augmentation.enabled ? stage.augmentation.default_level : 0,
         .augmentation_mode = stage.augmentation.default_mode});
  }
  return stages;
}

absl::StatusOr<std::unique_ptr<CascadeSampler>> CascadeSampler::Create(
    const CascadeModel& model, std::vector<StageSampling> stages,
    std::string device) {
  const CascadeSpec& spec = model.spec();
  if (stages.empty()) stages = Defaults(spec);
  if (stages.size() > spec.stages.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(stages.size(), " stages to sample, the cascade has ",
                     spec.stages.size()));
  }
  std::unique_ptr<CascadeSampler> sampler(
      new CascadeSampler(model, std::move(device)));
  for (size_t i = 0; i < stages.size(); ++i) {
    Stage stage;
    ASSIGN_OR_RETURN(const std::optional<int> stop, StopOf(spec, stages, i));
    ASSIGN_OR_RETURN(
        SamplerTable table,
        CompileSampler(spec.stages[i].diffusion, stages[i].sampler, stop));
    stage.table = std::make_shared<const SamplerTable>(std::move(table));
    stage.augmentation_level = stages[i].augmentation_level;
    sampler->stages_.push_back(std::move(stage));
  }
  return sampler;
}

size_t CascadeSampler::BatchImages(const Stage& stage) {
  const bool guided =
      std::any_of(stage.table->lines.begin(), stage.table->lines.end(),
                  [](const SamplerLine& line) { return line.guided; });
  const ExecutorLimits& limits = stage.executor->limits();
  const int rows = limits.batch_rows.back() / (guided ? 2 : 1);
  return static_cast<size_t>(std::clamp(rows, 1, limits.slots));
}

absl::Status CascadeSampler::RunBatch(Stage& stage,
                                      std::span<const StageTask> tasks,
                                      std::vector<StageResult>* results) {
  std::vector<ImagePlan> plans;
  for (const StageTask& task : tasks) {
    plans.push_back({.table = stage.table,
                     .image_seed = task.image_seed,
                     .class_id = task.class_id,
                     .augmentation_level = stage.augmentation_level,
                     .input = task.input});
  }
  ASSIGN_OR_RETURN(const std::vector<Slot> slots, stage.executor->Admit(plans));
  const absl::Cleanup release = [&] { stage.executor->Release(slots); };
  const size_t first = results->size();
  results->resize(first + tasks.size());
  const size_t lines = stage.table->lines.size();
  for (size_t line = 0; line < lines; ++line) {
    const bool last = line + 1 == lines;
    std::vector<StepRow> rows;
    for (Slot slot : slots)
      rows.push_back({.slot = slot, .wants_pixels = last});
    ASSIGN_OR_RETURN(const Ticket ticket, stage.executor->Enqueue(rows));
    ASSIGN_OR_RETURN(StepOutcome outcome, stage.executor->Wait(ticket));
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (!outcome.rows[i].finite) {
        return absl::InternalError(absl::StrCat(
            "the image of seed ", tasks[i].image_seed,
            " became infinite or NaN in stage ", stage.executor->spec().name));
      }
      if (last) {
        (*results)[first + i].pixels = *std::move(outcome.rows[i].pixels);
      }
    }
  }
  for (size_t i = 0; i < tasks.size(); ++i) {
    ASSIGN_OR_RETURN((*results)[first + i].output,
                     stage.executor->Export(slots[i]));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StageResult>> CascadeSampler::SampleStage(
    size_t index, std::span<const StageTask> tasks) {
  if (index >= stages_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stage ", index, ": the sampler has ", stages_.size(), " stages"));
  }
  Stage& stage = stages_[index];
  if (stage.executor == nullptr) {
    ASSIGN_OR_RETURN(stage.executor,
                     model_.MakeExecutor(static_cast<int>(index), device_));
  }
  std::vector<StageResult> results;
  const size_t batch = BatchImages(stage);
  for (size_t begin = 0; begin < tasks.size(); begin += batch) {
    RETURN_IF_ERROR(RunBatch(
        stage, tasks.subspan(begin, std::min(batch, tasks.size() - begin)),
        &results));
  }
  return results;
}

absl::StatusOr<std::vector<SampledImage>> CascadeSampler::Sample(
    uint64_t first_seed, std::span<const std::optional<int>> class_ids) {
  std::vector<StageTask> tasks(class_ids.size());
  std::vector<SampledImage> images(class_ids.size());
  for (size_t i = 0; i < images.size(); ++i) {
    images[i].image_seed = tasks[i].image_seed = first_seed + i;
    images[i].class_id = tasks[i].class_id = class_ids[i];
  }
  for (size_t stage = 0; stage < stages_.size(); ++stage) {
    ASSIGN_OR_RETURN(std::vector<StageResult> results,
                     SampleStage(stage, tasks));
    for (size_t i = 0; i < images.size(); ++i) {
      images[i].pixels.push_back(std::move(results[i].pixels));
      tasks[i].input = std::move(results[i].output);
    }
  }
  return images;
}

}  // namespace cascade
