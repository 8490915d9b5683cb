#pragma once

#include <memory>
#include <vector>

#include "models/runtime/stage_network.h"
#include "models/runtime/torch_stage_executor.h"
#include "models/sampling/counter_noise.h"
#include "models/stage_executor.h"

namespace cascade {

// What tests of executors share: executors over any network, plans, and driving
// them without a scheduler.

ExecutorLimits Limits(std::vector<int> batch_rows, int slots);

std::unique_ptr<TorchStageExecutor> MakeExecutor(
    const StageSpec& spec, std::shared_ptr<const StageNetwork> network,
    const ExecutorLimits& limits,
    std::shared_ptr<const NoiseSource> noise =
        std::make_shared<CounterNoise>());

// A lower stage's image of random floats.
std::shared_ptr<const StageOutput> LowImage(int channels, int resolution,
                                            uint64_t seed);

SamplerOptions Options(SamplerKind kind, int num_steps, double scale = 1);
// Of class `seed` modulo the classes.
ImagePlan Plan(const StageSpec& spec, const SamplerOptions& options,
               uint64_t seed);
// Images that differ in everything that images of a batch may differ in.
std::vector<ImagePlan> MixedPlans(const StageSpec& spec, int count);

absl::StatusOr<StepOutcome> RunStep(StageExecutor& executor,
                                    std::vector<StepRow> rows);
// Runs `count` lines of one image.
void RunLines(StageExecutor& executor, Slot slot, size_t count);
std::vector<float> Finished(StageExecutor& executor, Slot slot);

// Each image of `plans`, made alone.
std::vector<std::vector<float>> Alone(StageExecutor& executor,
                                      const std::vector<ImagePlan>& plans);

}  // namespace cascade
