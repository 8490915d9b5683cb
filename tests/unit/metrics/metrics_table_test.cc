// server/metrics/README.md has a table of every metric. Here it is compared
// with what the code gives.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "tests/support/metric_values.h"
#include "tests/unit/metrics/every_metric.h"

namespace cascade {
namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(CASCADE_SOURCE_DIR) / "server" / "metrics";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// By name: "counter: cascade, stage".
using Table = std::map<std::string, std::string>;

Table DocumentedTable() {
  Table table;
  const std::string text = ReadFile(kFolder / "README.md");
  const std::regex row(
      R"(\| `((?:cascade|process)_\w+)` \| (\w+) \| ([a-z, ]*?) ?\|)");
  for (std::sregex_iterator it(text.begin(), text.end(), row), end; it != end;
       ++it) {
    table[(*it)[1]] = (*it)[2].str() + ": " + (*it)[3].str();
  }
  return table;
}

Table GivenTable() {
  Table table;
  const MetricValues values(EveryMetric()->Text());
  for (const auto& [name, family] : values.families()) {
    std::string& row = table[name];
    row = family.kind + ": ";
    for (const std::string& label : family.labels) {
      row += (row.ends_with(": ") ? "" : ", ") + label;
    }
  }
  return table;
}

// The names that the sources spell out.
std::set<std::string> NamesInSources() {
  std::set<std::string> names;
  const std::regex literal(R"re("((?:cascade|process)_[a-z_]+)")re");
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".cc") continue;
    const std::string text = ReadFile(entry.path());
    for (std::sregex_iterator it(text.begin(), text.end(), literal), end;
         it != end; ++it) {
      names.insert((*it)[1]);
    }
  }
  return names;
}

TEST(MetricsTableTest, TheReadmeSaysWhatTheCodeGives) {
  const Table documented = DocumentedTable();
  EXPECT_GT(documented.size(), 40u);
  EXPECT_THAT(GivenTable(), ::testing::ContainerEq(documented));
}

// Otherwise EveryMetric() has forgotten one, and the comparison is blind.
TEST(MetricsTableTest, EveryFamilyOfTheSourcesHasASeries) {
  std::set<std::string> given;
  for (const auto& [name, row] : GivenTable()) given.insert(name);
  EXPECT_THAT(given, ::testing::ContainerEq(NamesInSources()));
}

}  // namespace
}  // namespace cascade
