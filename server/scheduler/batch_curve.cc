#include "server/scheduler/batch_curve.h"

#include <algorithm>

namespace cascade {
namespace {

constexpr double kGoodEnough = 0.95;
constexpr double kUnknownStepSeconds = 0.01;

double Rate(const BatchCost& cost) { return cost.rows / cost.step_seconds; }

}  // namespace

BatchCurve::BatchCurve(const ExecutorLimits& limits) {
  if (!limits.batch_rows.empty()) max_rows_ = limits.batch_rows.back();
  for (const BatchCost& cost : limits.costs) {
    const bool usable =
        cost.rows > 0 && cost.rows <= max_rows_ && cost.step_seconds > 0;
    if (usable) costs_.push_back(cost);
  }
  if (costs_.empty()) {
    costs_ = {{1, kUnknownStepSeconds}};
    if (max_rows_ > 1) costs_.push_back({max_rows_, kUnknownStepSeconds});
  }
  double best = 0;
  for (const BatchCost& cost : costs_) best = std::max(best, Rate(cost));
  row_time_ = absl::Seconds(1 / best);
  for (const BatchCost& cost : costs_) {
    if (Rate(cost) < kGoodEnough * best) continue;
    preferred_rows_ = cost.rows;
    break;
  }
}

absl::Duration BatchCurve::StepTime(int rows) const {
  const auto above =
      std::find_if(costs_.begin(), costs_.end(),
                   [rows](const BatchCost& cost) { return cost.rows >= rows; });
  if (above == costs_.begin()) return absl::Seconds(above->step_seconds);
  if (above == costs_.end()) {
    return absl::Seconds(rows / Rate(costs_.back()));
  }
  const BatchCost& below = *(above - 1);
  const double part =
      static_cast<double>(rows - below.rows) / (above->rows - below.rows);
  return absl::Seconds(below.step_seconds +
                       part * (above->step_seconds - below.step_seconds));
}

double BatchCurve::Efficiency(int rows) const {
  return std::min(1.0, absl::FDivDuration(rows * row_time_, StepTime(rows)));
}

}  // namespace cascade
