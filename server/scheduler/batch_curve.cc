#include "server/scheduler/batch_curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cascade {
namespace {

constexpr double kUnknownStepSeconds = 0.01;

// Parts of the best rate: what is preferred, what is preferred no longer, and
// what a smaller batch must reach to take over.
constexpr double kGoodEnough = 0.95;
constexpr double kTooSlow = 0.92;
constexpr double kClearlyEnough = 0.98;

constexpr double kGain = 0.125;
constexpr double kLargestRatio = 2.0;
// What a size that has just run takes over from its neighbours, and the
// distance, in doublings of the rows, at which that halves.
constexpr double kNeighbourShare = 0.6;
constexpr double kReach = 8.0;
// Of a size, with each step of another one.
constexpr double kFading = 0.98;

std::vector<BatchCost> UsableCosts(const ExecutorLimits& limits, int max_rows) {
  std::vector<BatchCost> costs;
  for (const BatchCost& cost : limits.costs) {
    const bool usable =
        cost.rows > 0 && cost.rows <= max_rows && cost.step_seconds > 0;
    if (usable) costs.push_back(cost);
  }
  return costs;
}

// All steps cost the same, as far as is known.
std::vector<BatchCost> UnknownCosts(int max_rows) {
  std::vector<BatchCost> costs;
  for (int rows = 1; rows < max_rows; rows *= 2) {
    costs.push_back({rows, kUnknownStepSeconds});
  }
  costs.push_back({max_rows, kUnknownStepSeconds});
  return costs;
}

// Linear between the costs; in proportion to the rows beyond them.
double Interpolate(const std::vector<BatchCost>& costs, int rows) {
  const auto above =
      std::find_if(costs.begin(), costs.end(),
                   [rows](const BatchCost& cost) { return cost.rows >= rows; });
  if (above == costs.begin()) return above->step_seconds;
  const BatchCost& below = *(above - 1);
  if (above == costs.end()) return below.step_seconds * rows / below.rows;
  const double part =
      static_cast<double>(rows - below.rows) / (above->rows - below.rows);
  return std::lerp(below.step_seconds, above->step_seconds, part);
}

// How far a ratio seen at `rows` goes for another size.
double NeighbourShare(int rows, int other, double freshness) {
  const double distance =
      std::abs(std::log2(static_cast<double>(other) / rows));
  const double fresh_share = kNeighbourShare / (1 + distance / kReach);
  return std::lerp(1.0, fresh_share, freshness);
}

}  // namespace

BatchCurve::BatchCurve(const ExecutorLimits& limits) {
  if (!limits.batch_rows.empty()) max_rows_ = limits.batch_rows.back();
  std::vector<BatchCost> costs = UsableCosts(limits, max_rows_);
  is_seeded_ = !costs.empty();
  if (!is_seeded_) costs = UnknownCosts(max_rows_);
  for (const BatchCost& cost : costs) measured_rows_.push_back(cost.rows);
  for (int rows = 1; rows <= max_rows_; ++rows) {
    sizes_.push_back({.seconds = Interpolate(costs, rows)});
  }
  Refresh();
  preferred_rows_ = SmallestBatch(kGoodEnough);
}

absl::Duration BatchCurve::StepTime(int rows) const {
  if (rows > max_rows_) return step_times_.back() * rows / max_rows_;
  return step_times_[static_cast<size_t>(std::max(rows, 1) - 1)];
}

double BatchCurve::Efficiency(int rows) const {
  return std::min(1.0, absl::FDivDuration(rows * row_time_, StepTime(rows)));
}

void BatchCurve::Observe(int rows, absl::Duration step_time) {
  const double observed = absl::ToDoubleSeconds(step_time);
  const bool is_possible = rows >= 1 && rows <= max_rows_ && observed > 0 &&
                           observed < std::numeric_limits<double>::infinity();
  if (!is_possible) return;
  Size& self = sizes_[static_cast<size_t>(rows - 1)];
  double ratio = observed / self.seconds;
  double gain = 1;  // Anything is better than not to know.
  if (is_seeded_) {
    ratio = std::clamp(ratio, 1 / kLargestRatio, kLargestRatio);
    gain = kGain;
  }
  is_seeded_ = true;
  self.freshness = 0;  // Follows itself wholly.
  for (int other = 1; other <= max_rows_; ++other) {
    Size& size = sizes_[static_cast<size_t>(other - 1)];
    size.seconds *=
        std::pow(ratio, gain * NeighbourShare(rows, other, size.freshness));
    size.freshness *= kFading;
  }
  self.freshness = 1;
  Refresh();
  if (Rate(preferred_rows_) < kTooSlow * Rate(SmallestBatch(1))) {
    preferred_rows_ = SmallestBatch(kGoodEnough);
  }
  preferred_rows_ = std::min(preferred_rows_, SmallestBatch(kClearlyEnough));
}

double BatchCurve::Rate(int rows) const {
  return rows / absl::ToDoubleSeconds(StepTime(rows));
}

int BatchCurve::SmallestBatch(double part) const {
  double best = 0;
  for (const int rows : measured_rows_) best = std::max(best, Rate(rows));
  return *std::find_if(measured_rows_.begin(), measured_rows_.end(),
                       [&](int rows) { return Rate(rows) >= part * best; });
}

void BatchCurve::Refresh() {
  // Halfway between the highest of the smaller sizes and the lowest of the
  // larger ones: the learned times themselves wherever these ascend.
  std::vector<double> lowest(sizes_.size() + 1,
                             std::numeric_limits<double>::infinity());
  for (size_t i = sizes_.size(); i-- > 0;) {
    lowest[i] = std::min(sizes_[i].seconds, lowest[i + 1]);
  }
  step_times_.clear();
  double highest = 0;
  for (size_t i = 0; i < sizes_.size(); ++i) {
    highest = std::max(highest, sizes_[i].seconds);
    step_times_.push_back(absl::Seconds((highest + lowest[i]) / 2));
  }
  row_time_ = absl::Seconds(1 / Rate(SmallestBatch(1)));
}

}  // namespace cascade
