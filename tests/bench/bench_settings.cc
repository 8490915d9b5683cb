#include "tests/bench/bench_settings.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::StatusOr<double> Seconds(const std::function<absl::Status()>& work) {
  const auto start = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(work());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

absl::Status AnswerLines(const std::function<absl::Status()>& work) {
  for (std::string line; std::getline(std::cin, line);) {
    ASSIGN_OR_RETURN(const double seconds, Seconds(work));
    std::printf("%.9f\n", seconds);
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

}  // namespace

void BenchSettings::AddTo(CLI::App& app, const std::string& repetitions_flag) {
  app.add_option("PACKAGE", package)->required();
  app.add_option("--precision", precision)
      ->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--batch", batch)->check(CLI::Range(1, 1024));
  app.add_option("--threads", threads)->check(CLI::Range(1, 1024));
  app.add_option(repetitions_flag, repetitions)
      ->check(CLI::Range(1, 1'000'000));
  app.add_flag("--serve", serve);
}

absl::Status Measure(const BenchSettings& settings, const std::string& what,
                     const std::function<absl::Status()>& work) {
  if (settings.serve) return AnswerLines(work);
  std::vector<double> seconds;
  for (int i = 0; i < settings.repetitions; ++i) {
    ASSIGN_OR_RETURN(seconds.emplace_back(), Seconds(work));
  }
  const auto median = seconds.begin() + settings.repetitions / 2;
  std::nth_element(seconds.begin(), median, seconds.end());
  std::printf("%s %s, batch %d, %d threads: %.2f ms\n", what.c_str(),
              settings.precision.c_str(), static_cast<int>(settings.batch),
              settings.threads, *median * 1e3);
  return absl::OkStatus();
}

int ExitStatus(const char* program, const absl::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s: %s\n", program, status.ToString().c_str());
  return 1;
}

}  // namespace cascade
