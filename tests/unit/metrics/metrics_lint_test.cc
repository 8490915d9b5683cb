// Prometheus' own linter reads what the server gives. Skipped where it is not
// installed (Debian: prometheus).

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/unit/metrics/every_metric.h"

namespace cascade {
namespace {

TEST(MetricsLintTest, PromtoolFindsNothingWrong) {
  if (std::system("promtool --version >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "no promtool";
  }
  // What it finds goes to the test's output.
  std::FILE* const promtool = popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = EveryMetric()->Text();
  std::fwrite(text.data(), 1, text.size(), promtool);
  const int status = pclose(promtool);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace cascade
