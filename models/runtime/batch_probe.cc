#include "models/runtime/batch_probe.h"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include "absl/time/clock.h"
#include "models/sampling/counter_noise.h"

namespace cascade {
namespace {

constexpr int kTimedRuns = 2;
// The useful sizes get this many time limits.
constexpr int kPatience = 5;

// Sizes worth knowing the cost of: neighbours differ by a half or less.
bool IsTimed(int rows) {
  while (rows > 4 && rows % 2 == 0) rows /= 2;
  return rows <= 4;
}

// Useful sizes first: the timed ones, by how much they tell, then the others.
std::vector<int> TrialOrder(int max_rows) {
  std::vector<int> order;
  std::set<int> powers;
  for (int rows = 1; rows <= max_rows; rows *= 2) order.push_back(rows);
  powers.insert(order.begin(), order.end());
  for (int rows = 1; rows <= max_rows; ++rows) {
    if (IsTimed(rows) && !powers.contains(rows)) order.push_back(rows);
  }
  for (int rows = 1; rows <= max_rows; ++rows) {
    if (!IsTimed(rows)) order.push_back(rows);
  }
  return order;
}

at::Tensor RandomImages(const StageSpec& spec, int rows, uint64_t seed) {
  at::Tensor images = at::empty(
      {rows, spec.channels, spec.resolution, spec.resolution}, at::kFloat);
  FillNormal({.seed = seed},
             {images.data_ptr<float>(), static_cast<size_t>(images.numel())});
  return images;
}

// Rows that differ in everything that rows may differ in.
nn::UNetInput RandomInput(const StageSpec& spec, int rows) {
  nn::UNetInput input;
  input.x = RandomImages(spec, rows, 1);
  input.timestep = at::empty({rows}, at::kFloat);
  for (int i = 0; i < rows; ++i) {
    input.timestep.data_ptr<float>()[i] =
        static_cast<float>(int64_t{i} * (spec.diffusion.num_timesteps - 1) /
                           std::max(rows - 1, 1));
  }
  if (spec.num_classes > 0) {
    const int classes = spec.num_classes + (spec.has_null_class ? 1 : 0);
    input.class_id = at::empty({rows}, at::kLong);
    for (int i = 0; i < rows; ++i) {
      input.class_id.data_ptr<int64_t>()[i] = i % classes;
    }
  }
  if (spec.low_resolution > 0) input.low_res = RandomImages(spec, rows, 2);
  if (spec.augmentation.enabled) {
    input.augmentation = at::empty({rows}, at::kFloat);
    for (int i = 0; i < rows; ++i) {
      input.augmentation.data_ptr<float>()[i] = static_cast<float>(
          int64_t{i} * spec.augmentation.num_timesteps / rows);
    }
  }
  return input;
}

nn::UNetInput Rows(const nn::UNetInput& input, int begin, int count,
                   at::Device device) {
  const auto rows = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, begin, count).to(device)
                            : tensor;
  };
  return {.x = rows(input.x),
          .timestep = rows(input.timestep),
          .class_id = rows(input.class_id),
          .low_res = rows(input.low_res),
          .augmentation = rows(input.augmentation)};
}

bool SameBits(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == b.numel() &&
         std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

// Runs batches of the first rows of one random input, and keeps the outputs of
// single rows to compare with.
class Prober {
 public:
  Prober(const StageNetwork& network, const StageSpec& spec, int max_rows)
      : network_(network), input_(RandomInput(spec, max_rows)) {}

  // Waits for the output: it comes to the host.
  at::Tensor Run(int begin, int count) const {
    return network_.Run(Rows(input_, begin, count, network_.device()))
        .cpu()
        .contiguous();
  }

  bool IsExact(int rows) {
    const at::Tensor batch = Run(0, rows);
    for (int i = 0; i < rows; ++i) {
      if (!SameBits(batch.select(0, i), Single(i).select(0, 0))) return false;
    }
    return true;
  }

  // The best of a few runs: the others were disturbed.
  double StepSeconds(int rows) const {
    double seconds = std::numeric_limits<double>::infinity();
    for (int i = 0; i < kTimedRuns; ++i) {
      const absl::Time start = absl::Now();
      Run(0, rows);
      seconds = std::min(seconds, absl::ToDoubleSeconds(absl::Now() - start));
    }
    return seconds;
  }

 private:
  const at::Tensor& Single(int row) {
    while (singles_.size() <= static_cast<size_t>(row)) {
      singles_.push_back(Run(static_cast<int>(singles_.size()), 1));
    }
    return singles_[static_cast<size_t>(row)];
  }

  const StageNetwork& network_;
  const nn::UNetInput input_;
  std::vector<at::Tensor> singles_;
};

}  // namespace

BatchProbe ProbeBatches(const StageNetwork& network, const StageSpec& spec,
                        int max_rows, Reproducibility reproducibility,
                        absl::Duration time_limit) {
  const c10::InferenceMode inference;
  const bool exact = reproducibility == Reproducibility::kExact;
  const absl::Time start = absl::Now();
  Prober prober(network, spec, max_rows);
  BatchProbe probe;
  for (int rows : TrialOrder(max_rows)) {
    const absl::Duration limit = (IsTimed(rows) ? kPatience : 1) * time_limit;
    // A guided image takes two rows.
    const bool in_time = rows <= 2 || absl::Now() - start < limit;
    // In FAST mode there is nothing to run for a size that is not timed.
    if (exact && rows > 1 && !(in_time && prober.IsExact(rows))) continue;
    probe.rows.push_back(rows);
    if (IsTimed(rows) && in_time) {
      probe.costs.push_back(
          {.rows = rows, .step_seconds = prober.StepSeconds(rows)});
    }
  }
  std::sort(probe.rows.begin(), probe.rows.end());
  std::sort(
      probe.costs.begin(), probe.costs.end(),
      [](const BatchCost& a, const BatchCost& b) { return a.rows < b.rows; });
  return probe;
}

}  // namespace cascade
