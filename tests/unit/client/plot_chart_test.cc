#include "models/plot/plot_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <regex>

#include "absl/strings/match.h"
#include "client/bench_plot.h"
#include "models/plot/plot_scale.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// What is wrong with `xml`: elements that do not nest, attributes without
// quotes, bare & or <. Empty: it is well-formed, as far as our files go.
std::string XmlProblem(const std::string& xml) {
  static const std::regex kTag(
      R"(^<(/?)([a-z]+)((?: [a-zA-Z0-9:-]+="[^"<&]*(?:&[a-z]+;[^"<&]*)*")*) ?(/?)>)");
  static const std::regex kText(R"(^(?:[^<&]|&(?:amp|lt|gt|quot);)+)");
  std::vector<std::string> open;
  std::smatch match;
  for (auto at = xml.cbegin(); at != xml.cend(); at += match.length()) {
    if (std::regex_search(at, xml.cend(), match, kText)) continue;
    if (!std::regex_search(at, xml.cend(), match, kTag)) {
      return "not XML: " + std::string(at, std::min(at + 60, xml.cend()));
    }
    if (match[1].length() > 0) {
      if (open.empty() || open.back() != match[2]) return "</" + match.str(2);
      open.pop_back();
    } else if (match[4].length() == 0) {
      open.push_back(match[2]);
    }
  }
  return open.empty() ? "" : "open: " + open.back();
}

PlotChart Chart() {
  return {"T & <U>", "x", "y", {{"\"a\" < b", {{0, 0}, {1, 2}, {3, 1}}}}, 0};
}

TEST(PlotChartTest, ThePictureIsWellFormed) {
  EXPECT_EQ(XmlProblem(PlotSvg({Chart(), Chart()})), "");
  EXPECT_EQ(XmlProblem(PlotSvg({PlotChart{}})), "");
  EXPECT_NE(XmlProblem("<g><text>a & b</text></g>"), "");
  EXPECT_NE(XmlProblem("<g><text>a</g>"), "");
}

TEST(PlotChartTest, SaysWhatItShows) {
  const std::string svg = PlotSvg({Chart()});
  for (const char* text : {">T &amp; &lt;U&gt;<", ">x<", ">y<",
                           ">&quot;a&quot; &lt; b<", ">0.5<", ">3.0<"}) {
    EXPECT_THAT(svg, HasSubstr(text));
  }
}

TEST(PlotChartTest, PointsLieOnTheirScales) {
  // Both axes end at a tick, here at the largest value: the plot's corners.
  const std::string svg = PlotSvg({{"", "", "", {{"", {{0, 0}, {2, 4}}}}, 0}});
  EXPECT_THAT(svg, HasSubstr("points=\"64.0,324.0 500.0,56.0 \""));
}

TEST(PlotChartTest, MarksPointsWhenAsked) {
  PlotChart chart;
  chart.lines = {{"fid", {{0, 0}, {2, 4}}}};
  chart.marks = true;
  EXPECT_THAT(PlotSvg({chart}), HasSubstr("<circle cx=\"500.0\" cy=\"56.0\""));
  chart.marks = false;
  EXPECT_THAT(PlotSvg({chart}), Not(HasSubstr("<circle")));
}

TEST(PlotScaleTest, TicksAreRoundAndReachTheLargest) {
  EXPECT_THAT(MakePlotScale(4).ticks,
              ElementsAre(0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4));
  EXPECT_EQ(MakePlotScale(1).ticks.size(), 11u);
  for (double max : {0.0003, 0.7, 1.0, 9.3, 42.0, 1999.0, 2e6}) {
    const PlotScale scale = MakePlotScale(max);
    EXPECT_GE(scale.max, max * (1 - 1e-9));
    EXPECT_LT(scale.max, max * 1.35);
    EXPECT_LE(scale.ticks.size(), 11u);
    EXPECT_GE(scale.ticks.size(), 5u);
  }
  EXPECT_EQ(MakePlotScale(0).max, 1);
}

TEST(PlotScaleTest, LabelsShowWhatTellsTicksApart) {
  EXPECT_EQ(TickLabel(MakePlotScale(1), 0.5), "0.5");
  EXPECT_EQ(TickLabel(MakePlotScale(50), 25), "25");
  EXPECT_EQ(TickLabel(MakePlotScale(0.03), 0.005), "0.005");
}

LoadReply Reply(size_t entry, double latency, LoadOutcome outcome) {
  LoadReply reply;
  reply.entry = entry;
  reply.due = absl::UnixEpoch();
  reply.outcome = outcome;
  reply.latency = latency;
  reply.images = outcome == LoadOutcome::kOk;
  return reply;
}

TEST(BenchPlotTest, TheLatencyCurveStepsUpAtEachReply) {
  BenchRun run;
  run.entries = {"short", "long", "none"};
  run.start = absl::UnixEpoch();
  run.replies = {Reply(0, 2, LoadOutcome::kOk), Reply(0, 1, LoadOutcome::kOk),
                 Reply(1, 3, LoadOutcome::kOk),
                 Reply(1, 9, LoadOutcome::kRefused)};
  const PlotChart chart = BenchCharts(run)[0];
  ASSERT_EQ(chart.lines.size(), 2u);
  EXPECT_EQ(chart.lines[0].name, "short");
  using Point = std::pair<double, double>;
  EXPECT_THAT(chart.lines[0].points,
              ElementsAre(Point(0, 0), Point(1, 0), Point(1, 0.5),
                          Point(2, 0.5), Point(2, 1)));
  EXPECT_EQ(chart.lines[1].points.back(), Point(3, 1));
}

TEST(BenchPlotTest, TheCurveOfManyRepliesStaysSmall) {
  BenchRun run;
  run.entries = {"all"};
  run.start = absl::UnixEpoch();
  for (int i = 1; i <= 12'345; ++i) {
    run.replies.push_back(Reply(0, i, LoadOutcome::kOk));
  }
  const auto points = BenchCharts(run)[0].lines[0].points;
  EXPECT_EQ(points.size(), 1001u);
  EXPECT_EQ(points.back(), (std::pair<double, double>(12'345, 1)));
  for (const auto& [x, y] : points) EXPECT_NEAR(x / 12'345, y, 0.003);
}

TEST(BenchPlotTest, OverTimeShowsImagesAndRefusals) {
  BenchRun run;
  run.entries = {"all"};
  run.start = absl::UnixEpoch();
  run.replies = {Reply(0, 0.5, LoadOutcome::kOk),
                 Reply(0, 1.5, LoadOutcome::kRefused),
                 Reply(0, 2.5, LoadOutcome::kOk)};
  const PlotChart chart = BenchCharts(run)[1];
  ASSERT_EQ(chart.lines.size(), 2u);
  using Point = std::pair<double, double>;
  EXPECT_EQ(chart.lines[0].name, "images");
  EXPECT_THAT(chart.lines[0].points, ElementsAre(Point(0.5, 1), Point(1.5, 0)));
  EXPECT_EQ(chart.lines[1].name, "refused");
}

}  // namespace
}  // namespace cascade
