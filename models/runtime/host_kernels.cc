#include <algorithm>

#include "models/runtime/step_kernels.h"
#include "models/runtime/step_update.h"

namespace cascade {
namespace {

class HostKernels final : public StepKernels {
 public:
  void Begin(std::span<const NetworkRow> network_rows,
             std::span<const UpdateRow> update_rows) override {
    network_rows_ = network_rows;
    update_rows_ = update_rows;
  }

  void Gather(const BatchRows& batch, const SlotPool& pool,
              const nn::UNetInput& input) override {
    const int64_t size = pool.x.stride(0);
    for (size_t i = 0; i < batch.count; ++i) {
      const NetworkRow& row =
          network_rows_[batch.begin + std::min(i, batch.used - 1)];
      const int64_t to = static_cast<int64_t>(i);
      const float c_in = static_cast<float>(row.c_in);
      const float* source = HostRow(pool.x, row.x_row);
      std::transform(source, source + size, HostRow(input.x, to),
                     [c_in](float value) { return c_in * value; });
      if (input.low_res.defined()) {
        std::copy_n(HostRow(pool.low_res, row.low_res_row), size,
                    HostRow(input.low_res, to));
      }
      *HostRow(input.timestep, to) = static_cast<float>(row.timestep);
      if (input.class_id.defined()) {
        input.class_id.data_ptr<int64_t>()[to] = row.class_id;
      }
      if (input.augmentation.defined()) {
        *HostRow(input.augmentation, to) = row.augmentation;
      }
    }
  }

  std::unique_ptr<PendingStep> Update(const at::Tensor& output,
                                      const SlotPool& pool) override {
    StepResult result;
    result.finite.reserve(update_rows_.size());
    for (const UpdateRow& row : update_rows_) {
      result.finite.push_back(UpdateImage(Pointers(row, output, pool)));
      if (result.finite.back() && !row.pixels.empty()) WritePixels(row, pool);
    }
    return MakeDoneStep(std::move(result));
  }

 private:
  static StepUpdate Pointers(const UpdateRow& row, const at::Tensor& output,
                             const SlotPool& pool) {
    StepUpdate update;
    update.line = row.line;
    update.guidance_scale = row.guidance_scale;
    update.learned_variance = row.learned_variance;
    update.size = static_cast<size_t>(pool.x.stride(0));
    update.x = HostRow(pool.x, row.x_row);
    update.output = HostRow(output, row.output_row);
    update.unconditional_output = HostRow(output, row.unconditional_row);
    for (size_t k = 1; k < kHistoryLength; ++k) {
      update.history[k] = HostRow(pool.x0, row.x0_rows[k]);
    }
    update.noise = row.noise;
    update.x0 = HostRow(pool.x0, row.x0_rows[0]);
    update.x_next = HostRow(pool.x, row.next_x_row);
    return update;
  }

  static void WritePixels(const UpdateRow& row, const SlotPool& pool) {
    const float* image = row.pixels_of_x ? HostRow(pool.x, row.next_x_row)
                                         : HostRow(pool.x0, row.x0_rows[0]);
    ToPixels(image, static_cast<int>(pool.x.size(1)),
             static_cast<size_t>(pool.x.stride(1)), row.pixels);
  }

  std::span<const NetworkRow> network_rows_;
  std::span<const UpdateRow> update_rows_;
};

}  // namespace

std::unique_ptr<StepKernels> MakeHostKernels() {
  return std::make_unique<HostKernels>();
}

}  // namespace cascade
