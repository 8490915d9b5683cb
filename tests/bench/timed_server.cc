// cascade-server whose steps take time and nothing else: flags, queue, lanes,
// ports and drain are the real ones, a step is a wait. With it a machine of two
// cores can hold as many devices as a test of many servers needs.
//
// Whatever package it is told to load is three stages of 8, 16 and 32 pixels.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/run_server.h"
#include "tests/support/scripted_cascade.h"

namespace cascade {
namespace {

// Of a step of any batch size, as on a device that a batch does not fill.
constexpr double kStepSeconds = 0.02;

ScriptedStage TimedStage(int resolution) {
  return {.resolution = resolution,
          .batch_rows = {1, 2, 4, 8},
          .costs = {{1, kStepSeconds}, {8, kStepSeconds}}};
}

class TimedExecutor : public StageExecutor {
 public:
  explicit TimedExecutor(std::unique_ptr<StageExecutor> executor)
      : executor_(std::move(executor)) {}

  const StageSpec& spec() const override { return executor_->spec(); }
  const ExecutorLimits& limits() const override { return executor_->limits(); }

  absl::StatusOr<std::vector<Slot>> Admit(
      std::span<const ImagePlan> plans) override {
    return executor_->Admit(plans);
  }
  absl::StatusOr<Ticket> Enqueue(std::span<const StepRow> rows) override {
    return executor_->Enqueue(rows);
  }
  absl::StatusOr<StepOutcome> Wait(Ticket ticket) override {
    absl::SleepFor(absl::Seconds(kStepSeconds));
    absl::StatusOr<StepOutcome> outcome = executor_->Wait(ticket);
    if (outcome.ok()) outcome->device_time = absl::Seconds(kStepSeconds);
    return outcome;
  }
  absl::StatusOr<std::shared_ptr<const StageOutput>> Export(
      Slot slot) override {
    return executor_->Export(slot);
  }
  absl::StatusOr<std::shared_ptr<const ParkedImage>> Park(Slot slot) override {
    return executor_->Park(slot);
  }
  void Release(std::span<const Slot> slots) override {
    executor_->Release(slots);
  }

 private:
  const std::unique_ptr<StageExecutor> executor_;
};

class TimedCascade : public CascadeModel {
 public:
  explicit TimedCascade(const std::string& name)
      : cascade_(name, {TimedStage(8), TimedStage(16), TimedStage(32)}) {}

  const CascadeSpec& spec() const override { return cascade_.spec(); }
  absl::StatusOr<std::unique_ptr<StageExecutor>> MakeExecutor(
      int stage_index, const std::string& device) const override {
    auto executor = cascade_.MakeExecutor(stage_index, device);
    if (!executor.ok()) return executor.status();
    return std::make_unique<TimedExecutor>(*std::move(executor));
  }

 private:
  const ScriptedCascade cascade_;
};

Server::Environment TimedEnvironment(const Options& options,
                                     std::function<void()> on_failure) {
  Server::Environment environment =
      Server::RealEnvironment(options, std::move(on_failure));
  environment.read_package = [](const CascadeSource& source)
      -> absl::StatusOr<std::shared_ptr<const CascadeModel>> {
    return std::make_shared<const TimedCascade>(source.name);
  };
  return environment;
}

}  // namespace
}  // namespace cascade

int main(int argc, char** argv) {
  return cascade::RunServer(argc, argv, cascade::TimedEnvironment);
}
