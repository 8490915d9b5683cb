#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "models/evaluation/cascade_sampler.h"

namespace cascade {

// The options of `sample` and `evaluate` that change how a package is sampled:
// lists with one value a stage, or one for all.
struct SamplingOptions {
  std::vector<std::string> samplers;
  std::vector<int> steps;
  std::vector<double> eta;
  std::vector<double> guidance;
  std::vector<double> guidance_begin;
  std::vector<double> guidance_end;
  std::vector<double> augmentation;
  std::vector<std::string> augmentation_modes;
  std::vector<std::string> thresholds;
  std::vector<std::string> schedules;
  std::string device = "cpu";
  std::string precision_name = "auto";
  bool fast = false;

  void AddTo(CLI::App& command);
  Reproducibility reproducibility() const {
    return fast ? Reproducibility::kFast : Reproducibility::kExact;
  }
  Precision precision() const;
  // An error that names the device, where the machine has no such one.
  absl::StatusOr<std::unique_ptr<CascadeModel>> Load(
      const std::string& package) const;
  // The package's defaults, with the options over them.
  absl::StatusOr<std::vector<StageSampling>> StagesOf(
      const CascadeSpec& spec) const;
};

}  // namespace cascade
