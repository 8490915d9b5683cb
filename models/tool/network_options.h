#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/evaluation/feature_network.h"

namespace cascade {

// The options that choose the network whose features are compared: a classifier
// of train-classifier, or a TorchScript file.
struct NetworkOptions {
  std::string classifier;
  std::string script;
  int script_size = 299;
  int script_channels = 3;
  std::string script_range = "byte";

  struct Loaded {
    std::unique_ptr<FeatureNetwork> network;
    // Of its classes; empty: not told.
    std::vector<std::string> class_names;
  };

  void AddTo(CLI::App& command);
  // INVALID_ARGUMENT unless just one of the two is named.
  absl::StatusOr<Loaded> Load() const;
};

}  // namespace cascade
