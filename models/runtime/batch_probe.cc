#include "models/runtime/batch_probe.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include "absl/time/clock.h"
#include "models/nn/input_rows.h"

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

bool SameBits(const at::Tensor& a, const at::Tensor& b) {
  return a.numel() == b.numel() &&
         std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

// Runs batches of the first rows of one random input, and keeps the outputs of
// single rows to compare with.
class Prober {
 public:
  Prober(const StageNetwork& network, const StageSpec& spec, int max_rows)
      : network_(network),
        input_(nn::RandomInput(spec, max_rows, network.device())) {}

  // Waits for the output: it comes to the host.
  at::Tensor Run(int begin, int count) const {
    return network_.Run(nn::Rows(input_, begin, count)).cpu().contiguous();
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
