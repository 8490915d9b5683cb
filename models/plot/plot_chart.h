#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cascade {

// A chart of lines over numbers, as an SVG picture.
struct PlotChart {
  struct Line {
    std::string name;                               // For the legend.
    std::vector<std::pair<double, double>> points;  // By x.
  };

  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Line> lines;
  double y_max = 0;    // 0: what the lines need.
  bool marks = false;  // A dot at each point.
};

// The charts side by side: a whole SVG file.
std::string PlotSvg(const std::vector<PlotChart>& charts);

}  // namespace cascade
