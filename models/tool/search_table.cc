#include "models/tool/search_table.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cascade {
namespace {

std::optional<double> ValueOf(const SearchRow& row, const std::string& name) {
  for (const Figure& figure : row.figures) {
    if (figure.name == name) return figure.value;
  }
  return std::nullopt;
}

std::vector<std::string> StagesOf(const std::vector<SearchRow>& rows) {
  std::vector<std::string> stages;
  for (const SearchRow& row : rows) {
    if (std::find(stages.begin(), stages.end(), row.stage) == stages.end()) {
      stages.push_back(row.stage);
    }
  }
  return stages;
}

std::string Cell(double value) { return absl::StrFormat("%.6g", value); }

PlotChart ChartOf(const std::vector<SearchRow>& rows, const std::string& stage,
                  const std::string& by) {
  std::set<double> levels;
  for (const SearchRow& row : rows) {
    if (row.stage == stage) levels.insert(row.level);
  }
  const bool over_levels = levels.size() > 1;
  // By the steps; all in one when the steps are the axis.
  std::map<int, PlotChart::Line> lines;
  for (const SearchRow& row : rows) {
    const std::optional<double> value = ValueOf(row, by);
    if (row.stage != stage || !value) continue;
    PlotChart::Line& line = lines[over_levels ? row.steps : 0];
    line.name = over_levels ? absl::StrCat(row.steps, " steps")
                            : absl::StrCat("level ", Cell(row.level));
    line.points.emplace_back(
        over_levels ? row.level : static_cast<double>(row.steps), *value);
  }
  PlotChart chart;
  chart.title = absl::StrCat("stage ", stage);
  chart.x_label = over_levels ? "conditioning augmentation level s" : "steps";
  chart.y_label = by;
  chart.marks = true;
  for (auto& [steps, line] : lines) {
    std::sort(line.points.begin(), line.points.end());
    chart.lines.push_back(std::move(line));
  }
  return chart;
}

}  // namespace

bool LessIsBetter(const std::string& figure) {
  return absl::StartsWith(figure, "fid_") || absl::StartsWith(figure, "kid_");
}

const SearchRow* BestRow(const std::vector<SearchRow>& rows,
                         const std::string& stage, const std::string& by) {
  const SearchRow* best = nullptr;
  double best_value = 0;
  for (const SearchRow& row : rows) {
    const std::optional<double> value = ValueOf(row, by);
    if (row.stage != stage || !value) continue;
    const bool better =
        LessIsBetter(by) ? *value < best_value : *value > best_value;
    if (best == nullptr || better) {
      best = &row;
      best_value = *value;
    }
  }
  return best;
}

std::string SearchCsv(const std::vector<SearchRow>& rows) {
  if (rows.empty()) return "stage,level,steps\n";
  std::string csv = "stage,level,steps";
  for (const Figure& figure : rows.front().figures) {
    absl::StrAppend(&csv, ",", figure.name);
  }
  csv += "\n";
  for (const SearchRow& row : rows) {
    absl::StrAppend(&csv, row.stage, ",", Cell(row.level), ",", row.steps);
    for (const Figure& figure : row.figures) {
      absl::StrAppend(&csv, ",", absl::StrFormat("%.9g", figure.value));
    }
    csv += "\n";
  }
  return csv;
}

std::string SearchMarkdown(const std::vector<SearchRow>& rows,
                           const std::string& by) {
  std::string header = "| stage | level s | steps |";
  std::string rule = "|---|---|---|";
  if (!rows.empty()) {
    for (const Figure& figure : rows.front().figures) {
      absl::StrAppend(&header, " ", figure.name, " |");
      rule += "---|";
    }
  }
  std::string table = absl::StrCat(header, "\n", rule, "\n");
  for (const SearchRow& row : rows) {
    const bool best = BestRow(rows, row.stage, by) == &row;
    absl::StrAppend(&table, "| ", row.stage, " | ", Cell(row.level), " | ",
                    row.steps, " |");
    for (const Figure& figure : row.figures) {
      const char* mark = best && figure.name == by ? "**" : "";
      absl::StrAppend(&table, " ", mark, Cell(figure.value), mark, " |");
    }
    table += "\n";
  }
  return table;
}

std::vector<PlotChart> SearchCharts(const std::vector<SearchRow>& rows,
                                    const std::string& by) {
  std::vector<PlotChart> charts;
  for (const std::string& stage : StagesOf(rows)) {
    charts.push_back(ChartOf(rows, stage, by));
  }
  return charts;
}

}  // namespace cascade
