#include "models/tool/search_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace cascade {
namespace {

using testing::ElementsAre;

std::vector<SearchRow> Rows() {
  return {{"16x16", 0.2, 4, {{"fid_train", 3.5}, {"class_found", 0.5}}},
          {"16x16", 0, 4, {{"fid_train", 6}, {"class_found", 0.75}}},
          {"16x16", 0.2, 8, {{"fid_train", 2.25}, {"class_found", 0.5}}},
          {"32x32", 0.1, 8, {{"fid_train", 1}, {"class_found", 1}}},
          {"32x32", 0.1, 2, {{"fid_train", 4}, {"class_found", 0.5}}}};
}

TEST(SearchTableTest, FindsTheBestOfAStage) {
  const std::vector<SearchRow> rows = Rows();
  EXPECT_EQ(BestRow(rows, "16x16", "fid_train"), &rows[2]);
  EXPECT_EQ(BestRow(rows, "16x16", "class_found"), &rows[1]);
  EXPECT_EQ(BestRow(rows, "32x32", "fid_train"), &rows[3]);
  EXPECT_EQ(BestRow(rows, "16x16", "kid_test"), nullptr);
  EXPECT_EQ(BestRow(rows, "8x8", "fid_train"), nullptr);
}

TEST(SearchTableTest, WritesCsvAndMarkdown) {
  const std::vector<SearchRow> rows = {Rows()[0], Rows()[2]};
  EXPECT_EQ(SearchCsv(rows),
            "stage,level,steps,fid_train,class_found\n"
            "16x16,0.2,4,3.5,0.5\n"
            "16x16,0.2,8,2.25,0.5\n");
  EXPECT_EQ(SearchMarkdown(rows, "fid_train"),
            "| stage | level s | steps | fid_train | class_found |\n"
            "|---|---|---|---|---|\n"
            "| 16x16 | 0.2 | 4 | 3.5 | 0.5 |\n"
            "| 16x16 | 0.2 | 8 | **2.25** | 0.5 |\n");
}

TEST(SearchTableTest, PlotsOverLevelsOrElseOverSteps) {
  const std::vector<PlotChart> charts = SearchCharts(Rows(), "fid_train");
  ASSERT_EQ(charts.size(), 2u);
  using Point = std::pair<double, double>;
  ASSERT_EQ(charts[0].lines.size(), 2u);
  EXPECT_EQ(charts[0].lines[0].name, "4 steps");
  EXPECT_THAT(charts[0].lines[0].points,
              ElementsAre(Point(0, 6), Point(0.2, 3.5)));
  EXPECT_THAT(charts[0].lines[1].points, ElementsAre(Point(0.2, 2.25)));
  EXPECT_EQ(charts[1].x_label, "steps");
  ASSERT_EQ(charts[1].lines.size(), 1u);
  EXPECT_EQ(charts[1].lines[0].name, "level 0.1");
  EXPECT_THAT(charts[1].lines[0].points, ElementsAre(Point(2, 4), Point(8, 1)));
}

}  // namespace
}  // namespace cascade
