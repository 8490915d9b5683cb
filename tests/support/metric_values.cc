#include "tests/support/metric_values.h"

#include <algorithm>
#include <sstream>

namespace cascade {

MetricValues::MetricValues(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# TYPE ", 0) == 0) {
      std::istringstream words(line.substr(7));
      std::string name;
      words >> name >> families_[name].kind;
    } else if (!line.empty() && line[0] != '#') {
      ReadSample(line);
    }
  }
}

double MetricValues::Sum(const std::string& name, const Labels& labels) const {
  double sum = 0;
  for (const Sample& sample : samples_) {
    const bool matches =
        sample.name == name &&
        std::includes(sample.labels.begin(), sample.labels.end(),
                      labels.begin(), labels.end());
    if (matches) sum += sample.value;
  }
  return sum;
}

int MetricValues::Count(const std::string& name, const Labels& labels) const {
  int count = 0;
  for (const Sample& sample : samples_) {
    count += sample.name == name &&
             std::includes(sample.labels.begin(), sample.labels.end(),
                           labels.begin(), labels.end());
  }
  return count;
}

void MetricValues::ReadSample(const std::string& line) {
  Sample sample;
  size_t at = line.find_first_of("{ ");
  sample.name = line.substr(0, at);
  if (line[at] == '{') {
    while (line[++at] != '}') {
      if (line[at] == ',') ++at;
      const size_t equals = line.find("=\"", at);
      std::string& value = sample.labels[line.substr(at, equals - at)];
      for (at = equals + 2; line[at] != '"'; ++at) {
        if (line[at] == '\\') ++at;
        value += line[at];
      }
    }
    ++at;
  }
  sample.value = std::stod(line.substr(at));
  Family& family = FamilyOf(sample.name);
  for (const auto& [label, value] : sample.labels) {
    if (label != "le") family.labels.insert(label);
  }
  samples_.push_back(std::move(sample));
}

MetricValues::Family& MetricValues::FamilyOf(const std::string& name) {
  for (const char* suffix : {"_bucket", "_sum", "_count"}) {
    const size_t length = std::string(suffix).size();
    if (name.size() <= length) continue;
    const auto found = families_.find(name.substr(0, name.size() - length));
    if (name.ends_with(suffix) && found != families_.end()) {
      return found->second;
    }
  }
  return families_[name];
}

}  // namespace cascade
