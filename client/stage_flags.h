#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cascade/v1/image_generation_service.pb.h"

namespace cascade {

// Sets one value of one stage's options. INVALID_ARGUMENT says what is wrong
// with the text, and what it may be.
using StageSetter =
    std::function<absl::Status(const std::string&, v1::StageOptions&)>;

absl::Status SetSampler(const std::string& text, v1::StageOptions& options);
absl::Status SetSteps(const std::string& text, v1::StageOptions& options);
absl::Status SetEta(const std::string& text, v1::StageOptions& options);
absl::Status SetGuidance(const std::string& text, v1::StageOptions& options);
absl::Status SetAugmentation(const std::string& text,
                             v1::StageOptions& options);
absl::Status SetAugmentationMode(const std::string& text,
                                 v1::StageOptions& options);
// "dynamic:0.995:1.5": the kind, the quantile, the largest s.
absl::Status SetThreshold(const std::string& text, v1::StageOptions& options);
// "linear:1000:0.0001:0.02": the kind, the timesteps, betas at the ends.
absl::Status SetSchedule(const std::string& text, v1::StageOptions& options);

// The entries of a request's field `stages`, made when they are first needed:
// the first is for every stage. `request` must outlive it.
class StageFlags {
 public:
  StageFlags(v1::GenerateImageRequest& request, int first_stage,
             int target_stage);

  // Applies the values of `flag`: one for every stage, or one each, separated
  // by commas, where an empty one is left out. INVALID_ARGUMENT, naming flag
  // and text.
  absl::Status Set(const std::string& flag, const std::string& text,
                   const StageSetter& setter);

  // 0: the entry for every stage; i: the one of the i-th stage that runs.
  v1::StageOptions& Entry(size_t place);

 private:
  v1::GenerateImageRequest& request_;
  const int first_stage_;
  std::vector<v1::StageOptions*> entries_;  // Null: not made yet.
};

// INVALID_ARGUMENT about the text of a flag.
absl::Status WrongFlag(const std::string& flag, const std::string& value,
                       const std::string& why);
// The parts of a list with commas, without the spaces around them.
std::vector<std::string> SplitFlag(const std::string& text);

}  // namespace cascade
