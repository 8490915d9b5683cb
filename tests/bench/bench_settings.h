#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace cascade {

// What plan_bench and cascade_bench are both told.
struct BenchSettings {
  std::string package;
  std::string precision = "fp32";
  int64_t batch = 8;  // Images.
  int threads = 1;
  int repetitions = 20;
  // Instead of the repetitions: one for each line of standard input.
  bool serve = false;

  // `repetitions_flag` is what one repetition is called, as "--steps".
  void AddTo(CLI::App& app, const std::string& repetitions_flag);
};

// Prints the median milliseconds of `work` behind `what` and the settings; with
// `serve`, answers each line with the seconds that one took, until there are no
// more lines. Ends at the first error of `work`, which it returns.
absl::Status Measure(const BenchSettings& settings, const std::string& what,
                     const std::function<absl::Status()>& work);

// The exit status of `program`, which tells an error on standard error.
int ExitStatus(const char* program, const absl::Status& status);

}  // namespace cascade
