#include "models/evaluation/bound_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace cascade {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

MeanAndError Of(std::initializer_list<double> values) {
  MeanAndError result;
  for (double value : values) result.Add(value);
  return result;
}

// Two images; a base of 4 values with three timesteps that stops at 1, and a
// stage of 16.
BoundReport Report() {
  BoundReport report;
  report.images = 2;
  report.total = Of({40, 60});
  report.stages = {{.name = "2x2",
                    .resolution = 2,
                    .values = 4,
                    .first_timestep = 1,
                    .prior = Of({1, 3}),
                    .steps = Of({4, 6}),
                    .decoder = Of({0, 0}),
                    .total = Of({5, 9}),
                    .timestep_sums = {0, 7, 3},
                    .timestep_evaluations = {0, 2, 2}},
                   {.name = "4x4",
                    .resolution = 4,
                    .values = 16,
                    .augmentation_level = 0.3,
                    .augmentation_index = 1,
                    .prior = Of({0, 0}),
                    .steps = Of({20, 30}),
                    .decoder = Of({15, 21}),
                    .total = Of({35, 51}),
                    .timestep_sums = {36, 40, 10},
                    .timestep_evaluations = {2, 2, 1}}};
  return report;
}

TEST(MeanAndErrorTest, FollowsTheDefinitions) {
  const MeanAndError value = Of({1, 2, 4, 9});
  EXPECT_DOUBLE_EQ(value.mean, 4);
  // Sample variance 38 / 3.
  EXPECT_DOUBLE_EQ(value.StandardError(), std::sqrt(38.0 / 3 / 4));
  EXPECT_EQ(Of({5}).StandardError(), 0);
}

TEST(BoundReportTest, TellsBitsPerDimensionOfTheLastStage) {
  const Json summary = BoundSummary(Report(), BoundKind::kTruncated);
  const double bit = 16 * std::log(2.0);
  EXPECT_DOUBLE_EQ(summary["total"]["bits_per_dimension"], 50 / bit);
  EXPECT_DOUBLE_EQ(summary["total"]["standard_error"], 10 / bit);
  EXPECT_DOUBLE_EQ(summary["stages"][0]["steps"]["bits_per_dimension"],
                   5 / bit);
  EXPECT_DOUBLE_EQ(summary["stages"][1]["decoder"]["bits_per_dimension"],
                   18 / bit);
}

TEST(BoundReportTest, StagesHaveTheirOwnDimensions) {
  const Json summary = BoundSummary(Report(), BoundKind::kStages);
  EXPECT_FALSE(summary.contains("total"));
  EXPECT_DOUBLE_EQ(summary["stages"][0]["total"]["bits_per_dimension"],
                   7 / (4 * std::log(2.0)));
}

// The lines of each stage sum to its total.
TEST(BoundReportTest, ListsEveryTerm) {
  const BoundReport report = Report();
  std::istringstream lines(BoundTerms(report, BoundKind::kTruncated));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "stage,timestep,bits,evaluations");
  double base = 0;
  double top = 0;
  int count = 0;
  while (std::getline(lines, line)) {
    char name[8];
    int timestep = -1;
    double bits = 0;
    int evaluations = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "%3[^,],%d,%lf,%d", name, &timestep,
                          &bits, &evaluations),
              4)
        << line;
    (std::string(name) == "2x2" ? base : top) += bits;
    ++count;
  }
  EXPECT_EQ(count, 3 + 4);  // The priors, two and three terms.
  const double bit = 16 * std::log(2.0);
  EXPECT_NEAR(base, 7 / bit, 1e-8);
  EXPECT_NEAR(top, 43 / bit, 1e-8);
}

TEST(BoundStateTest, GoesOnFromWhatItKept) {
  const std::string path = testing::TempDir() + "/bound_state.json";
  std::filesystem::remove(path);
  const Json settings = {{"seed", 1}, {"bound", "truncated"}};
  auto none = LoadBoundState(path, settings);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_FALSE(none->has_value());

  BoundReport report = Report();
  report.total.mean = 1.0 / 3;  // Not a short decimal.
  ASSERT_TRUE(SaveBoundState(path, settings, report).ok());
  const auto loaded = LoadBoundState(path, settings);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  ASSERT_TRUE(loaded->has_value());
  EXPECT_EQ((*loaded)->images, 2);
  EXPECT_EQ((*loaded)->total.mean, 1.0 / 3);
  EXPECT_EQ((*loaded)->total.squares, report.total.squares);
  EXPECT_EQ((*loaded)->stages[1].augmentation_level, 0.3);
  EXPECT_EQ((*loaded)->stages[1].timestep_sums, report.stages[1].timestep_sums);
  EXPECT_EQ(BoundSummary(**loaded, BoundKind::kTruncated),
            BoundSummary(report, BoundKind::kTruncated));

  const auto other = LoadBoundState(path, {{"seed", 2}, {"bound", "stages"}});
  EXPECT_THAT(std::string(other.status().message()),
              HasSubstr("was made with seed 1, not 2"));
  std::ofstream(path) << "{\"settings\": {}}";
  EXPECT_EQ(LoadBoundState(path, settings).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace cascade
