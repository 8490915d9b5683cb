#include "tests/unit/models/driven_executor.h"

#include <gtest/gtest.h>

#include <utility>

#include "models/host_stage_output.h"

namespace cascade {

ExecutorLimits Limits(std::vector<int> batch_rows, int slots) {
  ExecutorLimits limits;
  limits.slots = slots;
  limits.batch_rows = std::move(batch_rows);
  return limits;
}

std::unique_ptr<TorchStageExecutor> MakeExecutor(
    const StageSpec& spec, std::shared_ptr<const StageNetwork> network,
    const ExecutorLimits& limits, std::shared_ptr<const NoiseSource> noise) {
  return TorchStageExecutor::Create(spec, std::move(network), limits,
                                    std::move(noise))
      .value();
}

std::shared_ptr<const StageOutput> LowImage(int channels, int resolution,
                                            uint64_t seed) {
  std::vector<float> values(
      static_cast<size_t>(channels * resolution * resolution));
  FillNormal({.seed = seed}, values);
  return std::make_shared<HostStageOutput>(channels, resolution,
                                           std::move(values));
}

SamplerOptions Options(SamplerKind kind, int num_steps, double scale) {
  SamplerOptions options;
  options.kind = kind;
  options.num_steps = num_steps;
  options.guidance.scale = scale;
  return options;
}

ImagePlan Plan(const StageSpec& spec, const SamplerOptions& options,
               uint64_t seed) {
  ImagePlan plan;
  plan.table = std::make_shared<SamplerTable>(
      CompileSampler(spec.diffusion, options).value());
  plan.image_seed = seed;
  if (spec.num_classes > 0) {
    plan.class_id = static_cast<int>(seed) % spec.num_classes;
  }
  if (spec.low_resolution > 0) {
    plan.input = LowImage(spec.channels, spec.low_resolution, seed);
  }
  return plan;
}

std::vector<ImagePlan> MixedPlans(const StageSpec& spec, int count) {
  std::vector<ImagePlan> plans;
  for (int i = 0; i < count; ++i) {
    constexpr SamplerKind kKinds[] = {SamplerKind::kDdpm, SamplerKind::kDdim,
                                      SamplerKind::kDpmSolverPlusPlus2M,
                                      SamplerKind::kHeun, SamplerKind::kUniPc3};
    SamplerOptions options = Options(kKinds[i % 5], 2 + (5 * i) % 7);
    if (options.kind == SamplerKind::kDdim) options.eta = i % 2;
    if (spec.has_null_class && i % 4 == 1) {
      options.guidance = {
          .scale = 3, .interval_begin = 0.2, .interval_end = 0.8};
    }
    if (i % 7 == 3) options.threshold = {ThresholdKind::kDynamic, 0.6};
    ImagePlan plan = Plan(spec, options, static_cast<uint64_t>(100 + i));
    if (spec.has_null_class && i % 5 == 4) plan.class_id.reset();
    if (spec.augmentation.enabled) plan.augmentation_level = 0.1 * (i % 4);
    plans.push_back(std::move(plan));
  }
  return plans;
}

absl::StatusOr<StepOutcome> RunStep(StageExecutor& executor,
                                    std::vector<StepRow> rows) {
  absl::StatusOr<Ticket> ticket = executor.Enqueue(rows);
  if (!ticket.ok()) return ticket.status();
  return executor.Wait(*ticket);
}

void RunLines(StageExecutor& executor, Slot slot, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(RunStep(executor, {{.slot = slot}}).ok());
  }
}

std::vector<float> Finished(StageExecutor& executor, Slot slot) {
  return executor.Export(slot).value()->ToHost().value();
}

std::vector<std::vector<float>> Alone(StageExecutor& executor,
                                      const std::vector<ImagePlan>& plans) {
  std::vector<std::vector<float>> images;
  for (const ImagePlan& plan : plans) {
    const Slot slot = executor.Admit({&plan, 1}).value()[0];
    RunLines(executor, slot, plan.table->lines.size());
    images.push_back(Finished(executor, slot));
    executor.Release({&slot, 1});
  }
  return images;
}

}  // namespace cascade
