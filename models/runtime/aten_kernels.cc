#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <tuple>

#include "models/runtime/step_kernels.h"
#include "models/runtime/step_update.h"

namespace cascade {
namespace {

// One value of each row, on the device.
template <typename Row, typename Value>
at::Tensor Indices(std::span<const Row> rows, at::Device device, Value value) {
  std::vector<int64_t> values;
  values.reserve(rows.size());
  for (const Row& row : rows) values.push_back(value(row));
  return at::tensor(values, at::kLong).to(device);
}

// As Indices(), shaped to multiply images.
template <typename Row, typename Value>
at::Tensor Weights(std::span<const Row> rows, at::Device device, Value value) {
  std::vector<double> values;
  values.reserve(rows.size());
  for (const Row& row : rows) values.push_back(value(row));
  return at::tensor(values, at::kDouble).to(device).view({-1, 1, 1, 1});
}

class AtenKernels final : public StepKernels {
 public:
  void Begin(std::span<const NetworkRow> network_rows,
             std::span<const UpdateRow> update_rows) override {
    network_rows_ = network_rows;
    update_rows_ = update_rows;
  }

  void Gather(const BatchRows& batch, const SlotPool& pool,
              const nn::UNetInput& input) override {
    const at::Device device = pool.x.device();
    std::vector<NetworkRow> spread(
        network_rows_.begin() + static_cast<std::ptrdiff_t>(batch.begin),
        network_rows_.begin() +
            static_cast<std::ptrdiff_t>(batch.begin + batch.used));
    spread.resize(batch.count, spread.back());
    const std::span<const NetworkRow> rows = spread;
    const int64_t count = static_cast<int64_t>(batch.count);
    const auto write = [&](const at::Tensor& to, const at::Tensor& from) {
      if (to.defined()) to.narrow(0, 0, count).copy_(from);
    };
    const auto images = [&](const at::Tensor& from, auto row_of) {
      return from.index_select(0, Indices(rows, device, row_of));
    };
    const auto values = [&](auto value_of) {
      return Weights(rows, device, value_of).flatten();
    };
    const at::Tensor c_in =
        Weights(rows, device, [](const NetworkRow& row) { return row.c_in; });
    write(input.x, images(pool.x, [](const NetworkRow& row) {
                     return row.x_row;
                   }) * c_in.to(at::kFloat));
    if (input.low_res.defined()) {
      write(input.low_res, images(pool.low_res, [](const NetworkRow& row) {
              return row.low_res_row;
            }));
    }
    write(input.timestep,
          values([](const NetworkRow& row) { return row.timestep; }));
    write(input.class_id, Indices(rows, device, [](const NetworkRow& row) {
            return row.class_id;
          }));
    write(input.augmentation, values([](const NetworkRow& row) {
            return static_cast<double>(row.augmentation);
          }));
  }

  std::unique_ptr<PendingStep> Update(const at::Tensor& output,
                                      const SlotPool& pool) override {
    StepResult result;
    result.finite = UpdateImages(update_rows_, output, pool);
    for (size_t i = 0; i < update_rows_.size(); ++i) {
      const UpdateRow& row = update_rows_[i];
      if (result.finite[i] && !row.pixels.empty()) WritePixels(row, pool);
    }
    return MakeDoneStep(std::move(result));
  }

 private:
  static void WritePixels(const UpdateRow& row, const SlotPool& pool) {
    const at::Tensor image =
        (row.pixels_of_x ? pool.x.select(0, row.next_x_row)
                         : pool.x0.select(0, row.x0_rows[0]))
            .cpu();
    ToPixels(image.const_data_ptr<float>(), static_cast<int>(image.size(0)),
             static_cast<size_t>(image.stride(0)), row.pixels);
  }

  static std::vector<bool> UpdateImages(std::span<const UpdateRow> rows,
                                        const at::Tensor& output,
                                        const SlotPool& pool) {
    const at::Device device = pool.x.device();
    const auto weights = [&](auto value) {
      return Weights(rows, device, value);
    };
    const auto indices = [&](auto value) {
      return Indices(rows, device, value);
    };
    const auto line_weights = [&](double SamplerLine::*field) {
      return weights([&](const UpdateRow& row) { return row.line->*field; });
    };

    const at::Tensor conditional = output.index_select(
        0, indices([](const UpdateRow& row) { return row.output_row; }));
    const at::Tensor x =
        pool.x
            .index_select(
                0, indices([](const UpdateRow& row) { return row.x_row; }))
            .to(at::kDouble);
    at::Tensor x0 =
        EstimateX0(rows, x, Guided(rows, output, conditional, pool.x.size(1)));
    // As floats, which is what becomes of them.
    at::Tensor finite = x0.to(at::kFloat).isfinite();
    x0 = Threshold(rows, x0);

    at::Tensor next =
        line_weights(&SamplerLine::a) * x +
        weights([](const UpdateRow& row) { return row.line->b[0]; }) * x0;
    next = AddHistory(rows, pool, next);
    next = AddNoise(rows, conditional, next);
    finite = finite.logical_and(next.to(at::kFloat).isfinite())
                 .flatten(1)
                 .all(1)
                 .cpu();

    pool.x0.index_copy_(
        0, indices([](const UpdateRow& row) { return row.x0_rows[0]; }),
        x0.to(at::kFloat));
    pool.x.index_copy_(
        0, indices([](const UpdateRow& row) { return row.next_x_row; }),
        next.to(at::kFloat));
    const bool* flags = finite.data_ptr<bool>();
    return std::vector<bool>(flags, flags + rows.size());
  }

  // c_x (x + c_out / c_x output) with the sum in float, as the host does it.
  static at::Tensor EstimateX0(std::span<const UpdateRow> rows,
                               const at::Tensor& x, const at::Tensor& output) {
    const at::Device device = x.device();
    const at::Tensor c_x = Weights(
        rows, device, [](const UpdateRow& row) { return row.line->c_x; });
    const at::Tensor c_out = Weights(
        rows, device, [](const UpdateRow& row) { return row.line->c_out; });
    const at::Tensor ratio = (c_out / c_x).to(at::kFloat);
    const at::Tensor sum = x.to(at::kFloat) + ratio * output.to(at::kFloat);
    return at::where(c_x == 0, c_out * output, c_x * sum.to(at::kDouble));
  }

  static at::Tensor Guided(std::span<const UpdateRow> rows,
                           const at::Tensor& output,
                           const at::Tensor& conditional, int64_t channels) {
    const at::Device device = output.device();
    const at::Tensor prediction =
        conditional.narrow(1, 0, channels).to(at::kDouble);
    const auto guided = [](const UpdateRow& row) { return row.line->guided; };
    if (std::none_of(rows.begin(), rows.end(), guided)) return prediction;
    // Rows without guidance are combined with themselves, and then replaced.
    const at::Tensor base =
        output
            .index_select(0, Indices(rows, device,
                                     [&](const UpdateRow& row) {
                                       return guided(row)
                                                  ? row.unconditional_row
                                                  : row.output_row;
                                     }))
            .narrow(1, 0, channels)
            .to(at::kDouble);
    const at::Tensor scale = Weights(
        rows, device, [](const UpdateRow& row) { return row.guidance_scale; });
    return at::where(Weights(rows, device, guided) > 0,
                     base + scale * (prediction - base), prediction);
  }

  // The largest magnitude that a row's x0 may have; infinite: any.
  static at::Tensor Limits(std::span<const UpdateRow> rows,
                           const at::Tensor& x0) {
    const at::Tensor fixed =
        Weights(rows, x0.device(), [](const UpdateRow& row) {
          return row.line->threshold.kind == ThresholdKind::kStatic
                     ? 1.0
                     : std::numeric_limits<double>::infinity();
        });
    const auto is_dynamic = [](const UpdateRow& row) {
      return row.line->threshold.kind == ThresholdKind::kDynamic;
    };
    if (std::none_of(rows.begin(), rows.end(), is_dynamic)) return fixed;
    // As the host does it: the order of floats, and the rest in double.
    const at::Tensor ordered =
        std::get<0>(x0.to(at::kFloat).abs().flatten(1).sort(1)).to(at::kDouble);
    const auto place = [&](const UpdateRow& row) {
      return PlaceOfQuantile(static_cast<size_t>(ordered.size(1)),
                             row.line->threshold.quantile);
    };
    const at::Tensor lower =
        Indices(rows, x0.device(), [&](const UpdateRow& row) {
          return static_cast<int64_t>(place(row).lower);
        }).unsqueeze(1);
    const at::Tensor low = ordered.gather(1, lower);
    const at::Tensor high =
        ordered.gather(1, (lower + 1).clamp_max(ordered.size(1) - 1));
    const at::Tensor weight =
        Weights(rows, x0.device(), [&](const UpdateRow& row) {
          return place(row).weight;
        }).flatten(1);
    const at::Tensor max = Weights(rows, x0.device(), [](const UpdateRow& row) {
      return row.line->threshold.max;
    });
    const at::Tensor quantile =
        (low + weight * (high - low)).view({-1, 1, 1, 1});
    return at::where(Weights(rows, x0.device(), is_dynamic) > 0,
                     quantile.clamp_min(1.0).minimum(max), fixed);
  }

  static at::Tensor Threshold(std::span<const UpdateRow> rows,
                              const at::Tensor& x0) {
    const at::Tensor limit = Limits(rows, x0);
    const at::Tensor clipped = x0.minimum(limit).maximum(-limit) / limit;
    return at::where(limit.isinf(), x0, clipped);
  }

  static at::Tensor AddHistory(std::span<const UpdateRow> rows,
                               const SlotPool& pool, at::Tensor next) {
    for (size_t k = 1; k < kHistoryLength; ++k) {
      const auto reads = [&](const UpdateRow& row) {
        return row.line->b[k] != 0;
      };
      if (std::none_of(rows.begin(), rows.end(), reads)) continue;
      const at::Device device = next.device();
      const at::Tensor history = pool.x0.index_select(
          0, Indices(rows, device,
                     [&](const UpdateRow& row) { return row.x0_rows[k]; }));
      const at::Tensor weight = Weights(
          rows, device, [&](const UpdateRow& row) { return row.line->b[k]; });
      // Rows of images that do not look back hold anything, NaN included.
      next = at::where(weight == 0, next, next + weight * history);
    }
    return next;
  }

  static at::Tensor AddNoise(std::span<const UpdateRow> rows,
                             const at::Tensor& conditional,
                             const at::Tensor& next) {
    const auto adds = [](const UpdateRow& row) { return row.line->adds_noise; };
    if (std::none_of(rows.begin(), rows.end(), adds)) return next;
    const at::Device device = next.device();
    at::Tensor noise = at::zeros(next.sizes(), at::kFloat);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!adds(rows[i])) continue;
      std::copy_n(rows[i].noise, noise.stride(0),
                  HostRow(noise, static_cast<int64_t>(i)));
    }
    const at::Tensor low = Weights(rows, device, [](const UpdateRow& row) {
      return row.line->min_log_variance;
    });
    at::Tensor log_variance = low;
    if (conditional.size(1) > next.size(1)) {
      const at::Tensor range = Weights(rows, device, [](const UpdateRow& row) {
        return row.line->max_log_variance - row.line->min_log_variance;
      });
      const at::Tensor v = conditional.narrow(1, next.size(1), next.size(1));
      log_variance = low + 0.5 * (v.to(at::kDouble) + 1) * range;
    }
    return at::where(Weights(rows, device, adds) > 0,
                     next + at::exp(0.5 * log_variance) * noise.to(device),
                     next);
  }

  std::span<const NetworkRow> network_rows_;
  std::span<const UpdateRow> update_rows_;
};

}  // namespace

std::unique_ptr<StepKernels> MakeAtenKernels() {
  return std::make_unique<AtenKernels>();
}

}  // namespace cascade
