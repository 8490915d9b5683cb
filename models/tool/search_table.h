#pragma once

#include <string>
#include <vector>

#include "models/evaluation/image_judge.h"
#include "models/plot/plot_chart.h"

namespace cascade {

// One setting of one stage, and what was measured of its images.
struct SearchRow {
  std::string stage;
  double level = 0;  // s of conditioning augmentation.
  int steps = 0;
  std::vector<Figure> figures;  // The same names in each row.
};

// Is less of this figure better? Of distances it is.
bool LessIsBetter(const std::string& figure);

// The first row of `stage` whose figure `by` is best. Null: none has it.
const SearchRow* BestRow(const std::vector<SearchRow>& rows,
                         const std::string& stage, const std::string& by);

// A header and a line a row: stage, level, steps, then the figures.
std::string SearchCsv(const std::vector<SearchRow>& rows);
// The same as a Markdown table, in which the best of each stage by `by` is in
// bold.
std::string SearchMarkdown(const std::vector<SearchRow>& rows,
                           const std::string& by);
// Figure `by` of each stage: over the levels with a line for each number of
// steps or, if only one level was tried, over the steps.
std::vector<PlotChart> SearchCharts(const std::vector<SearchRow>& rows,
                                    const std::string& by);

}  // namespace cascade
