#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cascade/v1/cascade_service.pb.h"
#include "cascade/v1/image_generation_service.pb.h"

namespace cascade {

// The flags that make up a GenerateImageRequest, as they were typed. Those with
// a value for each stage take one for all, or one each, separated by commas;
// an empty one keeps the cascade's default.
struct RequestFlags {
  std::string cascade;
  std::string class_choice;  // A name, an id, or "none"; empty: unset.
  std::optional<uint64_t> seed;
  std::optional<int> image_count;
  std::optional<int> target_stage;
  std::string samplers;
  std::string steps;
  std::string etas;
  std::string guidance;
  std::string guidance_interval;  // "BEGIN,END".
  std::string augmentation;
  std::string augmentation_modes;
  std::string thresholds;
  std::string schedules;
  std::string format;
  std::optional<int> quality;
  std::string stages = "all";  // Whose images are sent: "all" or "0,2".
  std::optional<int> previews;
  std::string priority;
  std::string time_budget;
  bool best_effort = false;

  // Adds them to a command.
  void AddTo(CLI::App& command);

  // Whether a flag has a value for each stage.
  bool DiffersByStage() const;

  // The request for `cascade_spec`, of which the stages from `first_stage` on
  // run. INVALID_ARGUMENT, naming the flag, for what cannot be sent; what can
  // is the server's to judge.
  absl::StatusOr<v1::GenerateImageRequest> ToRequest(
      const v1::Cascade& cascade_spec, int first_stage = 0) const;
};

// The last stage that runs.
int TargetStage(const v1::GenerateImageRequest& request,
                const v1::Cascade& cascade_spec);

// How files and titles call the class of a request: its name, else its id.
std::string ClassLabel(const v1::GenerateImageRequest& request,
                       const v1::Cascade& cascade_spec);

// A duration flag: "1.5s", "200ms", or a number of seconds; positive and
// finite.
absl::StatusOr<absl::Duration> ParseDurationFlag(const std::string& flag,
                                                 const std::string& value);

}  // namespace cascade
