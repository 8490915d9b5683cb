#pragma once

#include <c10/util/Exception.h>

#include <memory>
#include <utility>

#include "models/runtime/stage_network.h"

namespace cascade {

// Another network on the CPU whose steps are done, for their executor, only
// when it waits for them; and a test may make a wait fail.
class LateNetwork final : public StageNetwork {
 public:
  explicit LateNetwork(std::shared_ptr<const StageNetwork> network)
      : network_(std::move(network)), waits_(std::make_shared<Waits>()) {}

  at::Device device() const override { return network_->device(); }
  int64_t weight_bytes() const override { return network_->weight_bytes(); }
  at::Tensor Run(const nn::UNetInput& input) const override {
    return network_->Run(input);
  }
  std::unique_ptr<StepKernels> MakeStepKernels(const StageSpec& spec,
                                               int max_rows) const override {
    return std::make_unique<Kernels>(network_->MakeStepKernels(spec, max_rows),
                                     waits_);
  }

  int num_waits() const { return waits_->count; }
  void FailNextWait() { waits_->fails = true; }

 private:
  struct Waits {
    int count = 0;
    bool fails = false;
  };

  class Step final : public PendingStep {
   public:
    Step(std::unique_ptr<PendingStep> step, std::shared_ptr<Waits> waits)
        : step_(std::move(step)), waits_(std::move(waits)) {}

    StepResult Wait() override {
      ++waits_->count;
      TORCH_CHECK(!std::exchange(waits_->fails, false), "CUDA error: scripted");
      return step_->Wait();
    }

   private:
    const std::unique_ptr<PendingStep> step_;
    const std::shared_ptr<Waits> waits_;
  };

  class Kernels final : public StepKernels {
   public:
    Kernels(std::unique_ptr<StepKernels> kernels, std::shared_ptr<Waits> waits)
        : kernels_(std::move(kernels)), waits_(std::move(waits)) {}

    bool makes_noise() const override { return kernels_->makes_noise(); }
    void Begin(std::span<const NetworkRow> network_rows,
               std::span<const UpdateRow> update_rows) override {
      kernels_->Begin(network_rows, update_rows);
    }
    void Gather(const BatchRows& batch, const SlotPool& pool,
                const nn::UNetInput& input) override {
      kernels_->Gather(batch, pool, input);
    }
    std::unique_ptr<PendingStep> Update(const at::Tensor& output,
                                        const SlotPool& pool) override {
      return std::make_unique<Step>(kernels_->Update(output, pool), waits_);
    }

   private:
    const std::unique_ptr<StepKernels> kernels_;
    const std::shared_ptr<Waits> waits_;
  };

  const std::shared_ptr<const StageNetwork> network_;
  const std::shared_ptr<Waits> waits_;
};

}  // namespace cascade
