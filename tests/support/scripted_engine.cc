#include "tests/support/scripted_engine.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"

namespace cascade {

ScriptedEngine::ScriptedEngine(std::vector<const CascadeModel*> models,
                               Scheduler::Options options, const Clock& clock,
                               int max_queued_images,
                               CascadeHost::NameListener on_name)
    : logger_({.level = LogLevel::kDebug}, clock,
              [this](std::string_view line) {
                MutexLock lock(mutex_);
                log_lines_.emplace_back(line);
              }) {
  const std::vector<LaneGroup> lanes = {{.count = options.num_lanes}};
  const auto memory_of = [](const std::string& /*device*/) {
    return DeviceMemory{.total = int64_t{1} << 40, .free = int64_t{1} << 40};
  };
  auto pipeline =
      Pipeline::Create({.lanes = ExpandLanes(lanes, 1)}, memory_of, metrics_);
  if (!pipeline.ok()) std::abort();
  pipeline_ = *std::move(pipeline);
  scheduler_ = std::make_unique<Scheduler>(
      options,
      Scheduler::Collaborators{.clock = clock,
                               .encoder = encoder_,
                               .encoding = encoding_,
                               .metrics = metrics_,
                               .on_device_lost = [this](const auto& why) {
                                 MutexLock lock(mutex_);
                                 device_loss_.Update(why);
                                 changed_.SignalAll();
                               }});
  host_ = std::make_unique<CascadeHost>(
      CascadeHost::Options{.max_queued_images = max_queued_images},
      CascadeHost::Collaborators{.read_package =
                                     [this](const CascadeSource& source) {
                                       return ReadPackage(source.package);
                                     },
                                 .on_name = std::move(on_name),
                                 .pipeline = *pipeline_,
                                 .scheduler = *scheduler_,
                                 .clock = clock,
                                 .metrics = metrics_,
                                 .logger = logger_});
  for (const CascadeModel* model : models) {
    const std::string& name = model->spec().name;
    // Not ours to destroy.
    PutPackage(name, {std::shared_ptr<void>(), model});
    const auto loaded =
        host_->Load({.source = {.name = name, .package = name}});
    if (!loaded.ok()) std::abort();
  }
  pipeline_->Run(*scheduler_);
}

ScriptedEngine::~ScriptedEngine() {
  scheduler_->Shutdown();
  pipeline_.reset();  // Joins the lanes.
}

void ScriptedEngine::PutPackage(const std::string& path,
                                std::shared_ptr<const CascadeModel> model) {
  MutexLock lock(mutex_);
  packages_[path] = std::move(model);
}

void ScriptedEngine::CallInNextRead(absl::AnyInvocable<void()> callback) {
  MutexLock lock(mutex_);
  read_callback_ = std::move(callback);
}

absl::StatusOr<std::shared_ptr<const CascadeModel>> ScriptedEngine::ReadPackage(
    const std::string& path) {
  absl::AnyInvocable<void()> callback;
  {
    MutexLock lock(mutex_);
    callback = std::exchange(read_callback_, nullptr);
  }
  if (callback) callback();
  MutexLock lock(mutex_);
  const auto found = packages_.find(path);
  if (found != packages_.end()) return found->second;
  return absl::NotFoundError("no package " + path);
}

std::vector<std::string> ScriptedEngine::LogLines(const std::string& event) {
  logger_.Flush();
  std::vector<std::string> lines;
  MutexLock lock(mutex_);
  for (const std::string& line : log_lines_) {
    if (absl::StrContains(line, " event=" + event + " ")) lines.push_back(line);
  }
  return lines;
}

absl::Status ScriptedEngine::AwaitDeviceLoss() const {
  MutexLock lock(mutex_);
  while (device_loss_.ok()) changed_.Wait(mutex_);
  return device_loss_;
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
