#pragma once

#include <string>
#include <vector>

namespace cascade {

// An axis from 0 on, with round ticks.
struct PlotScale {
  double max = 1;  // The last tick.
  std::vector<double> ticks;
  int decimals = 0;  // Of the ticks' labels.
};

// Four to ten steps of 1, 2 or 5 times a power of ten that reach `max`; up to 1
// when `max` is not positive.
PlotScale MakePlotScale(double max);

// "0.25".
std::string TickLabel(const PlotScale& scale, double tick);

}  // namespace cascade
