#include "models/evaluation/sample_set.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/host_stage_output.h"
#include "models/weights/spec_json.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Images of a chunk: the unit of work and of the store.
constexpr int64_t kChunk = 64;

// One thread's part of a draw: a sampler, and a recursion down the stages to
// what the store has.
class ChunkSource {
 public:
  ChunkSource(const CascadeModel& model, const SampleRequest& request,
              std::unique_ptr<CascadeSampler> sampler)
      : classes_(static_cast<int64_t>(model.spec().class_names.size())),
        request_(request),
        sampler_(std::move(sampler)) {}

  // The images of chunk `chunk`, one a stage that is run.
  absl::StatusOr<std::vector<StageImages>> Draw(int64_t chunk) {
    std::vector<StageImages> stages;
    for (size_t stage = request_.first_stage; stage < request_.sampling.size();
         ++stage) {
      ASSIGN_OR_RETURN(
          StageImages images,
          DrawStage(chunk, stage, stages.empty() ? nullptr : &stages.back()));
      stages.push_back(std::move(images));
    }
    return stages;
  }

 private:
  absl::StatusOr<StageImages> DrawStage(int64_t chunk, size_t stage,
                                        const StageImages* lower) {
    const int64_t count = std::min(kChunk, request_.count - chunk * kChunk);
    std::optional<SampleStore::Set> set;
    if (request_.store != nullptr) {
      set = StoredSetOf(request_, stage);
      ASSIGN_OR_RETURN(std::optional<StageImages> stored,
                       request_.store->Read(*set, chunk));
      // Fewer: the last chunk of a smaller run.
      if (stored && stored->count() >= count) {
        return FirstOf(*std::move(stored), count);
      }
    }
    ASSIGN_OR_RETURN(StageImages images, Run(chunk, count, stage, lower));
    if (set) RETURN_IF_ERROR(request_.store->Write(*set, chunk, images));
    return images;
  }

  static StageImages FirstOf(StageImages images, int64_t count) {
    const auto kept = static_cast<size_t>(count);
    const size_t elements = images.values.size() / images.seeds.size() * kept;
    images.seeds.resize(kept);
    images.labels.resize(kept);
    images.values.resize(elements);
    images.pixels.resize(elements);
    return images;
  }

  StageTask TaskOf(int64_t image, size_t stage) const {
    StageTask task;
    task.image_seed = request_.first_seed + static_cast<uint64_t>(image);
    if (request_.real_inputs != nullptr) {
      if (classes_ > 0) task.class_id = request_.real_inputs->LabelOf(image);
      if (stage == request_.first_stage) {
        task.input = request_.real_inputs->InputOf(image);
      }
    } else if (classes_ > 0) {
      task.class_id = static_cast<int>(image % classes_);
    }
    return task;
  }

  absl::StatusOr<StageImages> Run(int64_t chunk, int64_t count, size_t stage,
                                  const StageImages* lower) {
    std::vector<StageTask> tasks;
    for (int64_t i = 0; i < count; ++i) {
      tasks.push_back(TaskOf(chunk * kChunk + i, stage));
      if (lower != nullptr) {
        const size_t elements = lower->values.size() / lower->seeds.size();
        const auto values =
            std::span(lower->values)
                .subspan(static_cast<size_t>(i) * elements, elements);
        tasks.back().input = std::make_shared<HostStageOutput>(
            lower->channels, lower->resolution,
            std::vector<float>(values.begin(), values.end()),
            lower->noise_index);
      }
    }
    ASSIGN_OR_RETURN(const std::vector<StageResult> results,
                     sampler_->SampleStage(stage, tasks));
    StageImages images;
    for (size_t i = 0; i < tasks.size(); ++i) {
      images.seeds.push_back(tasks[i].image_seed);
      images.labels.push_back(tasks[i].class_id.value_or(0));
      images.resolution = results[i].output->resolution();
      images.channels = results[i].output->channels();
      images.noise_index = results[i].output->noise_index();
      ASSIGN_OR_RETURN(const std::vector<float> values,
                       results[i].output->ToHost());
      images.values.insert(images.values.end(), values.begin(), values.end());
      images.pixels.insert(images.pixels.end(),
                           results[i].pixels.pixels.begin(),
                           results[i].pixels.pixels.end());
    }
    return images;
  }

  const int64_t classes_;
  const SampleRequest& request_;
  const std::unique_ptr<CascadeSampler> sampler_;
};

// Chunks that threads take, one after the other. A thread writes to places of
// its own only; they are read when all have ended.
struct ChunkBoard {
  explicit ChunkBoard(const SampleRequest& request)
      : chunks(static_cast<size_t>((request.count + kChunk - 1) / kChunk)),
        statuses(static_cast<size_t>(request.threads)) {}

  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::atomic<int64_t> images_done = 0;
  // Of each chunk, one a stage that is run.
  std::vector<std::vector<StageImages>> chunks;
  std::vector<absl::Status> statuses;  // One a thread.
};

// Draws chunks until there are no more, or some thread failed.
absl::Status Work(const CascadeModel& model, const SampleRequest& request,
                  bool reports, ChunkBoard& board) {
  ASSIGN_OR_RETURN(
      std::unique_ptr<CascadeSampler> sampler,
      CascadeSampler::Create(model, request.sampling, request.device));
  ChunkSource source(model, request, std::move(sampler));
  while (!board.failed) {
    const size_t chunk = board.next.fetch_add(1);
    if (chunk >= board.chunks.size()) break;
    ASSIGN_OR_RETURN(board.chunks[chunk],
                     source.Draw(static_cast<int64_t>(chunk)));
    board.images_done += board.chunks[chunk].back().count();
    if (reports && request.report) {
      request.report(absl::StrCat(board.images_done.load(), " of ",
                                  request.count, " images"));
    }
  }
  return absl::OkStatus();
}

void Append(const StageImages& chunk, ImageSet* images) {
  images->size = chunk.resolution;
  images->channels = chunk.channels;
  images->labels.insert(images->labels.end(), chunk.labels.begin(),
                        chunk.labels.end());
  images->pixels.insert(images->pixels.end(), chunk.pixels.begin(),
                        chunk.pixels.end());
}

absl::Status CheckRequest(const CascadeModel& model,
                          const SampleRequest& request) {
  const size_t stages = model.spec().stages.size();
  if (request.sampling.empty() || request.sampling.size() > stages ||
      request.first_stage >= request.sampling.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stages ", request.first_stage, " to ", request.sampling.size(),
        " cannot be drawn: the cascade has ", stages));
  }
  for (size_t i = 0; i < request.sampling.size(); ++i) {
    const AugmentationSpec& spec = model.spec().stages[i].augmentation;
    const double level = request.sampling[i].augmentation_level;
    const double limit = spec.enabled ? spec.max_level : 0;
    if (level < 0 || level > limit) {
      return absl::InvalidArgumentError(absl::StrCat(
          "augmentation level ", level, ": stage ", model.spec().stages[i].name,
          " was trained from 0 to ", limit));
    }
  }
  if (request.count < 1 || request.threads < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot draw ", request.count, " images with ",
                     request.threads, " threads"));
  }
  if ((request.first_stage > 0) != (request.real_inputs != nullptr)) {
    return absl::InvalidArgumentError(
        "real images are the input of a stage above the base");
  }
  return absl::OkStatus();
}

}  // namespace

SampleStore::Set StoredSetOf(const SampleRequest& request, size_t stage) {
  const StageManifest& manifest = request.manifest->stages[stage];
  const StageSampling& sampling = request.sampling[stage];
  nlohmann::ordered_json text;
  text["stage"] = StageText(manifest);
  text["weights"] = manifest.spec.weights_sha256;
  text["sampler"] = WriteSampler(sampling.sampler);
  text["augmentation_level"] = sampling.augmentation_level;
  text["augmentation_mode"] = static_cast<int>(sampling.augmentation_mode);
  if (stage + 1 < request.sampling.size() &&
      request.sampling[stage + 1].augmentation_mode ==
          AugmentationMode::kTruncated) {
    // The stage stops there: its images are noisy ones.
    text["stops_at"] = request.sampling[stage + 1].augmentation_level;
  }
  text["classes"] = request.manifest->class_names.size();
  text["first_seed"] = request.first_seed;
  text["build"] = BuildDescription();
  text["device"] = request.device;
  text["reproducibility"] =
      request.reproducibility == Reproducibility::kFast ? "fast" : "exact";
  text["precision"] = PrecisionName(request.precision);
  if (stage > request.first_stage) {
    text["input"] = StoredSetOf(request, stage - 1).made_by;
  } else if (request.real_inputs != nullptr) {
    text["input"] = request.real_inputs->description();
  }
  return {.name = manifest.spec.name, .made_by = text.dump()};
}

absl::StatusOr<SampleSet> DrawSampleSet(const CascadeModel& model,
                                        const SampleRequest& request) {
  RETURN_IF_ERROR(CheckRequest(model, request));
  ChunkBoard board(request);
  std::vector<std::thread> workers;
  for (int i = 0; i < request.threads; ++i) {
    workers.emplace_back([&, i] {
      absl::Status& status = board.statuses[static_cast<size_t>(i)];
      status = Work(model, request, /*reports=*/i == 0, board);
      if (!status.ok()) board.failed = true;
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const absl::Status& status : board.statuses) RETURN_IF_ERROR(status);

  SampleSet set;
  set.stages.resize(request.sampling.size() - request.first_stage);
  for (ImageSet& images : set.stages) {
    images.class_names = model.spec().class_names;
  }
  for (const std::vector<StageImages>& chunk : board.chunks) {
    for (size_t stage = 0; stage < chunk.size(); ++stage) {
      Append(chunk[stage], &set.stages[stage]);
    }
  }
  return set;
}

std::vector<double> DifferenceFromLowerStage(const SampleSet& samples) {
  std::vector<double> differences;
  for (size_t stage = 1; stage < samples.stages.size(); ++stage) {
    const ImageSet& low = samples.stages[stage - 1];
    const ImageSet& high = samples.stages[stage];
    const auto factor = static_cast<size_t>(high.size / low.size);
    const auto low_size = static_cast<size_t>(low.size);
    const auto high_size = static_cast<size_t>(high.size);
    const auto channels = static_cast<size_t>(low.channels);
    double squares = 0;
    for (size_t i = 0; i < low.pixels.size(); ++i) {
      const size_t channel = i % channels;
      const size_t x = i / channels % low_size;
      const size_t y = i / channels / low_size % low_size;
      const size_t image = i / channels / low_size / low_size;
      double sum = 0;
      for (size_t dy = 0; dy < factor; ++dy) {
        for (size_t dx = 0; dx < factor; ++dx) {
          const size_t pixel =
              (image * high_size + y * factor + dy) * high_size + x * factor +
              dx;
          sum += high.pixels[pixel * channels + channel];
        }
      }
      const double mean = sum / static_cast<double>(factor * factor);
      squares += (mean - low.pixels[i]) * (mean - low.pixels[i]);
    }
    differences.push_back(
        std::sqrt(squares / static_cast<double>(low.pixels.size())));
  }
  return differences;
}

}  // namespace cascade
