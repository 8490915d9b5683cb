#include "models/plot/plot_scale.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace cascade {

PlotScale MakePlotScale(double max) {
  if (!(max > 0) || !std::isfinite(max)) max = 1;
  const double least_step = max / 10;
  const double power = std::pow(10, std::floor(std::log10(least_step)));
  double step = power;
  for (const double factor : {1, 2, 5, 10}) {
    step = factor * power;
    if (step * (1 + 1e-9) >= least_step) break;
  }
  PlotScale scale;
  const int steps = static_cast<int>(std::ceil(max / step * (1 - 1e-9)));
  for (int i = 0; i <= steps; ++i) scale.ticks.push_back(i * step);
  scale.max = scale.ticks.back();
  scale.decimals =
      std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  return scale;
}

std::string TickLabel(const PlotScale& scale, double tick) {
  return absl::StrFormat("%.*f", scale.decimals, tick);
}

}  // namespace cascade
