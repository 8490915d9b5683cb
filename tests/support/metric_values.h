#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace cascade {

// Prometheus' text, read: what a test compares with what it did.
class MetricValues {
 public:
  using Labels = std::map<std::string, std::string>;

  struct Family {
    std::string kind;  // "counter", "gauge", "histogram".
    // Of all its series; a histogram's "le" left out.
    std::set<std::string> labels;
  };

  explicit MetricValues(const std::string& text);

  // The sum of the samples of a name that have these labels and any others; 0
  // where there is none.
  double Sum(const std::string& name, const Labels& labels = {}) const;
  // How many samples that are.
  int Count(const std::string& name, const Labels& labels = {}) const;

  const std::map<std::string, Family>& families() const { return families_; }

 private:
  struct Sample {
    std::string name;
    Labels labels;
    double value = 0;
  };

  void ReadSample(const std::string& line);
  // By the name of a sample: of a histogram they have suffixes.
  Family& FamilyOf(const std::string& name);

  std::map<std::string, Family> families_;
  std::vector<Sample> samples_;
};

}  // namespace cascade
