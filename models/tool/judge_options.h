#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/evaluation/image_judge.h"
#include "models/tool/network_options.h"

namespace cascade {

// The options of `evaluate` and `search` that say what is measured, and against
// what.
struct JudgeOptions {
  NetworkOptions network;
  std::vector<std::string> metrics;  // Empty: what can be had.
  std::string train;
  std::string test;
  std::string cache;
  int kid_subsets = 100;
  int64_t kid_subset_size = 1000;
  int splits = 10;

  // `metrics` are the names that the command knows.
  void AddTo(CLI::App& command, const std::vector<std::string>& names);

  // The named metrics; by default all of ImageMetric that images with or
  // without classes, these references and this network allow.
  std::set<ImageMetric> Chosen(bool images_have_classes) const;
  bool Names(const std::string& metric) const;

  // INVALID_ARGUMENT where a named metric compares, and there is nothing to
  // compare with.
  absl::Status CheckReferences() const;
  // Of the figures that will be measured.
  std::vector<std::string> FigureNames(bool images_have_classes) const;

  // A judge of images of this size, with the references read. `loaded` must
  // outlive it. `class_names` are the samples'; they must be the network's.
  absl::StatusOr<ImageJudge> MakeJudge(
      const NetworkOptions::Loaded& loaded,
      const std::vector<std::string>& class_names, int size, int channels,
      int threads) const;
};

}  // namespace cascade
