#include "server/rpc/augmentation_conversion.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "models/sampling/augmentation.h"
#include "models/sampling/sampler_table.h"
#include "models/truncation.h"

namespace cascade {
namespace {

bool SetsAugmentation(const v1::StageOptions& options) {
  return options.has_augmentation();
}

bool SetsLevel(const v1::StageOptions& options) {
  return options.augmentation().has_level();
}

bool SetsMode(const v1::StageOptions& options) {
  return options.augmentation().mode() != v1::AUGMENTATION_MODE_UNSPECIFIED;
}

bool IsTruncated(const StageEntry& entry) {
  return entry.options != nullptr && entry.options->augmentation().mode() ==
                                         v1::AUGMENTATION_MODE_TRUNCATED;
}

// Converts one stage after the other.
class Conversion {
 public:
  Conversion(const std::vector<StageEntry>& entries, const CascadeSpec& cascade,
             int first_stage, const StageOutput* input,
             std::vector<StageOptions>& stages, FieldCheck& check)
      : every_(entries.back()),
        entries_(entries),
        cascade_(cascade),
        first_stage_(static_cast<size_t>(first_stage)),
        input_noise_(input == nullptr ? 0 : input->noise_index()),
        stages_(stages),
        check_(check) {}

  void Run() {
    for (size_t k = 0; k < stages_.size(); ++k) {
      const StageSpec& stage = cascade_.stages[k];
      if (stage.augmentation.enabled) {
        stages_[k].augmentation_level = stage.augmentation.default_level;
      }
      if (k >= first_stage_) Convert(k);
    }
    CheckEvery();
  }

 private:
  void Convert(size_t k) {
    const StageSpec& stage = cascade_.stages[k];
    const StageEntries here{entries_[k], every_};
    if (!stage.augmentation.enabled) {
      if (here.own.options != nullptr && SetsAugmentation(*here.own.options)) {
        check_.Refuse(
            SubField(here.own.field, "augmentation"),
            absl::StrCat(StageTitle(stage),
                         " was not trained with conditioning augmentation"));
      }
      return;
    }
    any_augmented_ = true;
    const StageEntry& mode = here.With(SetsMode);
    if (mode.options != nullptr &&
        !v1::AugmentationMode_IsValid(mode.options->augmentation().mode())) {
      check_.Refuse(
          SubField(mode.field, "augmentation.mode"),
          absl::StrCat(static_cast<int>(mode.options->augmentation().mode()),
                       " is not an augmentation mode"));
      return;
    }
    SetLevel(k, here.With(SetsLevel));
    if (k == first_stage_) {
      SetModeOfFirst(k, mode, &mode == &here.own);
    } else {
      SetMode(k, mode, &mode == &here.own);
    }
  }

  void SetLevel(size_t k, const StageEntry& entry) {
    if (entry.options == nullptr) return;
    const double level = entry.options->augmentation().level();
    if (check_.InRange(SubField(entry.field, "augmentation.level"), level, 0.0,
                       cascade_.stages[k].augmentation.max_level)) {
      stages_[k].augmentation_level = level;
    }
  }

  // The stage below does not run in this request.
  void SetModeOfFirst(size_t k, const StageEntry& mode, bool is_own) {
    const StageSpec& stage = cascade_.stages[k];
    StageOptions& options = stages_[k];
    if (input_noise_ == 0) {
      if (IsTruncated(mode) && is_own) {
        check_.Refuse(
            SubField(mode.field, "augmentation.mode"),
            absl::StrCat("truncated: the stage below ", StageTitle(stage),
                         " does not run in this request, and what "
                         "it is given has no noise left in it"));
      }
      return;
    }
    options.augmentation_mode = AugmentationMode::kTruncated;
    any_truncated_ = true;
    if (mode.options != nullptr && !IsTruncated(mode) && is_own) {
      check_.Refuse(
          SubField(mode.field, "augmentation.mode"),
          absl::StrCat("non-truncated: the state that ", StageTitle(stage),
                       " is given has noise left in it"));
      return;
    }
    if (AugmentationIndex(stage.augmentation.num_timesteps,
                          options.augmentation_level) >= input_noise_) {
      return;
    }
    const double least = LevelOfIndex(stage, input_noise_);
    const StageEntry level = StageEntries{entries_[k], every_}.With(SetsLevel);
    if (level.options != nullptr) {
      check_.Refuse(SubField(level.field, "augmentation.level"),
                    absl::StrCat(options.augmentation_level,
                                 " is below the state's level, ", least,
                                 ": noise can be added to it, not taken out"));
    }
    options.augmentation_level = least;
  }

  void SetMode(size_t k, const StageEntry& mode, bool is_own) {
    const StageSpec& stage = cascade_.stages[k];
    const bool wanted =
        mode.options != nullptr
            ? IsTruncated(mode)
            : stage.augmentation.default_mode == AugmentationMode::kTruncated;
    if (!wanted) return;
    const absl::Status possible = CheckStage(k);
    if (possible.ok()) {
      any_truncated_ = true;
      stages_[k].augmentation_mode = AugmentationMode::kTruncated;
      CheckSteps(k, mode);
    } else if (is_own) {
      check_.Refuse(SubField(mode.field, "augmentation.mode"),
                    absl::StrCat("truncated: ", possible.message()));
    }
  }

  absl::Status CheckStage(size_t k) const {
    return CheckTruncation(cascade_.stages[k - 1], stages_[k - 1].sampler,
                           cascade_.stages[k]);
  }

  // The lower stage needs a step above the level.
  void CheckSteps(size_t k, const StageEntry& mode) {
    if (!check_.status().ok()) return;
    const absl::Status compiled =
        CompileSampler(cascade_.stages[k - 1].diffusion, stages_[k - 1].sampler,
                       TruncationTimestep(cascade_.stages[k],
                                          stages_[k].augmentation_level))
            .status();
    if (compiled.ok()) return;
    const StageEntry level = StageEntries{entries_[k], every_}.With(SetsLevel);
    const std::string& entry =
        level.options != nullptr ? level.field : mode.field;
    check_.Refuse(
        entry.empty() ? "stages" : SubField(entry, "augmentation.level"),
        absl::StrCat(stages_[k].augmentation_level, ": truncated, it leaves ",
                     StageTitle(cascade_.stages[k - 1]),
                     " nothing to do: ", compiled.message()));
  }

  // What is asked of every stage needs one that can do it.
  void CheckEvery() {
    if (every_.options == nullptr || !SetsAugmentation(*every_.options)) return;
    if (!any_augmented_) {
      check_.Refuse(
          SubField(every_.field, "augmentation"),
          "no stage that runs was trained with conditioning augmentation");
    } else if (IsTruncated(every_) && !any_truncated_) {
      check_.Refuse(
          SubField(every_.field, "augmentation.mode"),
          absl::StrCat("truncated: no stage that runs can: ", WhyNone()));
    }
  }

  std::string WhyNone() const {
    for (size_t k = first_stage_ + 1; k < stages_.size(); ++k) {
      const absl::Status possible = CheckStage(k);
      if (!possible.ok()) return std::string(possible.message());
    }
    return "the stage below the first one does not run";
  }

  const StageEntry& every_;
  const std::vector<StageEntry>& entries_;
  const CascadeSpec& cascade_;
  const size_t first_stage_;
  const int input_noise_;
  std::vector<StageOptions>& stages_;
  FieldCheck& check_;
  bool any_augmented_ = false;
  bool any_truncated_ = false;
};

}  // namespace

v1::AugmentationMode ToProto(AugmentationMode mode) {
  switch (mode) {
    case AugmentationMode::kNonTruncated:
      return v1::AUGMENTATION_MODE_NON_TRUNCATED;
    case AugmentationMode::kTruncated:
      return v1::AUGMENTATION_MODE_TRUNCATED;
  }
  return v1::AUGMENTATION_MODE_UNSPECIFIED;
}

void ConvertAugmentation(const std::vector<StageEntry>& entries,
                         const CascadeSpec& cascade, int first_stage,
                         const StageOutput* input,
                         std::vector<StageOptions>& stages, FieldCheck& check) {
  Conversion(entries, cascade, first_stage, input, stages, check).Run();
}

}  // namespace cascade
