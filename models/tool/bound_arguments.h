#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace cascade {

// The options of `evaluate` for the variational bound.
struct BoundArguments {
  std::string kind;  // Empty: not asked for.
  int timesteps_per_image = 0;
  std::string state;
  std::string terms;

  void AddTo(CLI::App& command);
  bool wanted() const { return !kind.empty(); }
};

// What `evaluate` has options for anyway.
struct BoundRun {
  std::string package;
  std::string images;  // An image folder.
  int64_t count = 0;
  uint64_t seed = 0;
  int threads = 1;
  std::string device;
  std::vector<double> augmentation;  // One level, or one a stage, or none.
  bool json = false;
  std::string out;  // A file for the JSON; empty: none.
};

// INVALID_ARGUMENT, naming it, for an option of `evaluate` on the command line
// that does nothing with --bound or, of those above, without it.
absl::Status CheckBoundOptions(const CLI::App& command, bool wanted);

// Estimates the bound, with its progress on stderr, and prints it.
absl::Status RunBound(const BoundArguments& arguments, const BoundRun& run);

}  // namespace cascade
