#include <ATen/Context.h>
#include <ATen/ops/cat.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "models/cuda/batch_floor.h"
#include "models/cuda/captured_plan.h"
#include "models/cuda/card_plan.h"
#include "models/cuda/card_step_kernels.h"
#include "models/cuda/serve_on_card.h"
#include "models/nn/input_rows.h"

namespace cascade {
namespace {

constexpr int kTimedRuns = 3;

// cuDNN is to choose by the shape alone, and to compute floats as floats: what
// an image's bits are may not depend on what a trial was disturbed by. The
// settings are the process's; all networks on cards want the same.
void UseReproducibleMath() {
  at::Context& context = at::globalContext();
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
  context.setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::CONV,
                              at::Float32Precision::IEEE);
}

// 1, 2, 4 ... and the largest.
std::vector<int> BucketRows(int max_rows) {
  std::vector<int> rows;
  for (int bucket = 1; bucket < max_rows; bucket *= 2) rows.push_back(bucket);
  rows.push_back(max_rows);
  return rows;
}

class CudaNetwork final : public StageNetwork {
 public:
  CudaNetwork(const nn::UNet& unet, const StageSpec& spec, at::Device device,
              const CardOptions& options)
      : device_(device),
        plan_(unet, {.functions = &CudaFunctions(),
                     .device = device,
                     .dtype = options.dtype}),
        captured_(plan_, spec, device, BucketRows(options.max_batch_rows)) {
    if (options.reproducibility == Reproducibility::kExact) {
      floor_rows_ = FloorRows(spec, options.max_batch_rows);
    }
  }

  at::Device device() const override { return device_; }

  int64_t weight_bytes() const override {
    return plan_.weight_bytes() + captured_.bytes();
  }

  at::Tensor Run(const nn::UNetInput& input) const override {
    return captured_.Run(input, floor_rows_);
  }

  std::unique_ptr<StepKernels> MakeStepKernels(const StageSpec& spec,
                                               int max_rows) const override {
    return MakeCardStepKernels(CudaFunctions(), spec, max_rows, device_);
  }

 private:
  int FloorRows(const StageSpec& spec, int max_rows) const {
    const nn::UNetInput input = nn::RandomInput(spec, max_rows, device_);
    std::vector<BucketTrial> trials;
    for (const int rows : BucketRows(max_rows)) {
      trials.push_back(Trial(input, max_rows, rows));
    }
    return trials[ChooseFloor(trials)].rows;
  }

  BucketTrial Trial(const nn::UNetInput& input, int max_rows, int rows) const {
    BucketTrial trial;
    trial.rows = rows;
    trial.seconds = std::numeric_limits<double>::infinity();
    for (int i = 0; i < kTimedRuns; ++i) {
      const absl::Time start = absl::Now();
      captured_.Run(nn::FirstRows(input, rows), rows).cpu();
      trial.seconds =
          std::min(trial.seconds, absl::ToDoubleSeconds(absl::Now() - start));
    }
    std::vector<at::Tensor> pieces;
    for (int begin = 0; begin < max_rows; begin += rows) {
      const int count = std::min(rows, max_rows - begin);
      pieces.push_back(
          captured_.Run(nn::Rows(input, begin, count), rows).cpu());
    }
    trial.output = at::cat(pieces);
    return trial;
  }

  const at::Device device_;
  const CardPlan plan_;
  const CapturedPlan captured_;
  int floor_rows_ = 1;  // Smaller batches are filled up to so many.
};

}  // namespace

std::unique_ptr<StageNetwork> ServeOnCard(const nn::UNet& unet,
                                          const StageSpec& spec,
                                          at::Device device,
                                          const CardOptions& options) {
  UseReproducibleMath();
  const c10::DeviceGuard on_device(device);
  return std::make_unique<CudaNetwork>(unet, spec, device, options);
}

}  // namespace cascade
