#include "tests/support/scripted_engine.h"

#include <cstdlib>
#include <utility>

namespace cascade {

ScriptedEngine::ScriptedEngine(std::vector<const CascadeModel*> models,
                               Scheduler::Options options, const Clock& clock,
                               int max_queued_images)
    : logger_(LogLevel::kDebug, clock, [](std::string_view) {}) {
  std::vector<std::shared_ptr<const CascadeModel>> unowned;
  for (const CascadeModel* model : models) {
    unowned.emplace_back(std::shared_ptr<void>(), model);
  }
  absl::StatusOr<std::unique_ptr<Pipeline>> pipeline =
      Pipeline::Create(std::move(unowned), options.num_lanes, metrics_);
  if (!pipeline.ok()) std::abort();
  pipeline_ = *std::move(pipeline);
  scheduler_ = std::make_unique<Scheduler>(
      options, Scheduler::Collaborators{.clock = clock,
                                        .encoder = encoder_,
                                        .encoding = encoding_,
                                        .metrics = metrics_,
                                        .logger = logger_});
  CascadeId next_id = 0;
  for (ServedCascade cascade : pipeline_->cascades()) {
    cascade.queue.max_queued_images = max_queued_images;
    scheduler_->AddCascade(next_id++, std::move(cascade));
  }
  pipeline_->Run(*scheduler_);
}

ScriptedEngine::~ScriptedEngine() {
  scheduler_->Shutdown();
  pipeline_.reset();  // Joins the lanes.
}

GenerationRequest MakeRequest(const CascadeSpec& spec, uint64_t seed,
                              int image_count) {
  GenerationRequest request;
  request.request_id = "request-" + std::to_string(seed);
  request.cascade = spec.name;
  request.cascade_digest = spec.digest;
  request.class_id = 1;
  request.seed = seed;
  request.image_count = image_count;
  request.target_stage = static_cast<int>(spec.stages.size()) - 1;
  for (const StageSpec& stage : spec.stages) {
    request.stages.push_back({.sampler = stage.default_sampler});
    request.output.stage_images.push_back(true);
  }
  return request;
}

}  // namespace cascade
