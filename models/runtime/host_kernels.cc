#include <algorithm>

#include "models/runtime/step_kernels.h"
#include "models/runtime/step_update.h"

namespace cascade {
namespace {

class HostKernels final : public StepKernels {
 public:
  void Gather(const SlotPool& pool, std::span<const GatherRow> rows,
              const at::Tensor& x, const at::Tensor& low_res) override {
    const int64_t size = pool.x.stride(0);
    for (size_t i = 0; i < rows.size(); ++i) {
      const int64_t row = static_cast<int64_t>(i);
      const float c_in = static_cast<float>(rows[i].c_in);
      const float* source = HostRow(pool.x, rows[i].x_row);
      std::transform(source, source + size, HostRow(x, row),
                     [c_in](float value) { return c_in * value; });
      if (low_res.defined()) {
        std::copy_n(HostRow(pool.low_res, rows[i].low_res_row), size,
                    HostRow(low_res, row));
      }
    }
  }

  std::vector<bool> Update(std::span<const UpdateRow> rows,
                           const at::Tensor& output,
                           const SlotPool& pool) override {
    std::vector<bool> finite;
    finite.reserve(rows.size());
    for (const UpdateRow& row : rows) {
      finite.push_back(UpdateImage(Pointers(row, output, pool)));
    }
    return finite;
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
};

}  // namespace

std::unique_ptr<StepKernels> MakeHostKernels() {
  return std::make_unique<HostKernels>();
}

}  // namespace cascade
