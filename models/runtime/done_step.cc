#include <utility>

#include "models/runtime/step_kernels.h"

namespace cascade {
namespace {

class DoneStep final : public PendingStep {
 public:
  explicit DoneStep(StepResult result) : result_(std::move(result)) {}

  StepResult Wait() override { return std::move(result_); }

 private:
  StepResult result_;
};

}  // namespace

std::unique_ptr<PendingStep> MakeDoneStep(StepResult result) {
  return std::make_unique<DoneStep>(std::move(result));
}

}  // namespace cascade
