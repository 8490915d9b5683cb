#include "client/stage_flags.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cascade {
namespace {

// Reads "NAME:NUMBER:NUMBER" with at most `most` numbers.
std::optional<std::vector<double>> NumbersAfter(const std::string& text,
                                                size_t most,
                                                std::string* name) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() > most + 1) return std::nullopt;
  *name = absl::AsciiStrToLower(parts[0]);
  std::vector<double> numbers(parts.size() - 1);
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!absl::SimpleAtod(parts[i + 1], &numbers[i])) return std::nullopt;
  }
  return numbers;
}

}  // namespace

bool SetSampler(const std::string& text, v1::StageOptions& options) {
  static const std::pair<const char*, v1::SamplerKind> kKinds[] = {
      {"ddpm", v1::SAMPLER_KIND_DDPM},
      {"ddim", v1::SAMPLER_KIND_DDIM},
      {"dpmpp-2m", v1::SAMPLER_KIND_DPM_SOLVER_PLUS_PLUS_2M},
      {"dpm++", v1::SAMPLER_KIND_DPM_SOLVER_PLUS_PLUS_2M},
      {"unipc-3", v1::SAMPLER_KIND_UNIPC_3},
      {"heun", v1::SAMPLER_KIND_HEUN},
      {"consistency", v1::SAMPLER_KIND_CONSISTENCY},
  };
  for (const auto& [name, kind] : kKinds) {
    if (absl::AsciiStrToLower(text) != name) continue;
    options.mutable_sampler()->set_kind(kind);
    return true;
  }
  return false;
}

bool SetSteps(const std::string& text, v1::StageOptions& options) {
  int steps = 0;
  if (!absl::SimpleAtoi(text, &steps)) return false;
  options.mutable_sampler()->set_steps(steps);
  return true;
}

bool SetEta(const std::string& text, v1::StageOptions& options) {
  double eta = 0;
  if (!absl::SimpleAtod(text, &eta)) return false;
  options.mutable_sampler()->set_eta(eta);
  return true;
}

bool SetGuidance(const std::string& text, v1::StageOptions& options) {
  double scale = 0;
  if (!absl::SimpleAtod(text, &scale)) return false;
  options.mutable_guidance()->set_scale(scale);
  return true;
}

bool SetAugmentation(const std::string& text, v1::StageOptions& options) {
  double level = 0;
  if (!absl::SimpleAtod(text, &level)) return false;
  options.mutable_augmentation()->set_level(level);
  return true;
}

bool SetAugmentationMode(const std::string& text, v1::StageOptions& options) {
  static const std::pair<const char*, v1::AugmentationMode> kModes[] = {
      {"truncated", v1::AUGMENTATION_MODE_TRUNCATED},
      {"non-truncated", v1::AUGMENTATION_MODE_NON_TRUNCATED},
  };
  for (const auto& [name, mode] : kModes) {
    if (absl::AsciiStrToLower(text) != name) continue;
    options.mutable_augmentation()->set_mode(mode);
    return true;
  }
  return false;
}

bool SetThreshold(const std::string& text, v1::StageOptions& options) {
  static const std::pair<const char*, v1::ThresholdKind> kKinds[] = {
      {"none", v1::THRESHOLD_KIND_NONE},
      {"static", v1::THRESHOLD_KIND_STATIC},
      {"dynamic", v1::THRESHOLD_KIND_DYNAMIC},
  };
  std::string name;
  const auto numbers = NumbersAfter(text, 2, &name);
  if (!numbers.has_value()) return false;
  for (const auto& [known, kind] : kKinds) {
    if (name != known) continue;
    v1::Threshold& threshold = *options.mutable_sampler()->mutable_threshold();
    threshold.set_kind(kind);
    if (!numbers->empty()) threshold.set_quantile((*numbers)[0]);
    if (numbers->size() > 1) threshold.set_max((*numbers)[1]);
    return true;
  }
  return false;
}

bool SetSchedule(const std::string& text, v1::StageOptions& options) {
  static const std::pair<const char*, v1::ScheduleKind> kKinds[] = {
      {"trained", v1::SCHEDULE_KIND_TRAINED},
      {"linear", v1::SCHEDULE_KIND_LINEAR},
      {"cosine", v1::SCHEDULE_KIND_COSINE},
  };
  std::string name;
  const auto numbers = NumbersAfter(text, 3, &name);
  if (!numbers.has_value() || numbers->size() == 2) return false;
  for (const auto& [known, kind] : kKinds) {
    if (name != known) continue;
    v1::SamplingSchedule& schedule =
        *options.mutable_sampler()->mutable_schedule();
    schedule.set_kind(kind);
    if (!numbers->empty()) {
      const double timesteps = (*numbers)[0];
      if (timesteps != std::trunc(timesteps) || std::abs(timesteps) > 1e9) {
        return false;
      }
      schedule.set_num_timesteps(static_cast<int>(timesteps));
    }
    if (numbers->size() == 3) {
      schedule.set_beta_begin((*numbers)[1]);
      schedule.set_beta_end((*numbers)[2]);
    }
    return true;
  }
  return false;
}

StageFlags::StageFlags(v1::GenerateImageRequest& request, int first_stage,
                       int target_stage)
    : request_(request),
      first_stage_(first_stage),
      entries_(
          static_cast<size_t>(std::max(0, target_stage - first_stage + 1)) +
          1) {}

absl::Status StageFlags::Set(const std::string& flag, const std::string& text,
                             const StageSetter& setter) {
  if (text.empty()) return absl::OkStatus();
  const std::vector<std::string> values = SplitFlag(text);
  const size_t num_stages = entries_.size() - 1;
  if (values.size() != 1 && values.size() != num_stages) {
    return WrongFlag(
        flag, text,
        absl::StrCat("one value, or one for each of ", num_stages, " stages"));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].empty()) continue;
    v1::StageOptions& entry = Entry(values.size() == 1 ? 0 : i + 1);
    if (!setter(values[i], entry)) {
      return WrongFlag(flag, text,
                       absl::StrCat("'", values[i], "' cannot be read"));
    }
  }
  return absl::OkStatus();
}

v1::StageOptions& StageFlags::Entry(size_t place) {
  v1::StageOptions*& entry = entries_[place];
  if (entry == nullptr) {
    entry = request_.add_stages();
    if (place > 0) {
      entry->set_stage(first_stage_ + static_cast<int>(place) - 1);
    }
  }
  return *entry;
}

absl::Status WrongFlag(const std::string& flag, const std::string& value,
                       const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(flag, " ", value, ": ", why));
}

std::vector<std::string> SplitFlag(const std::string& text) {
  std::vector<std::string> parts = absl::StrSplit(text, ',');
  for (std::string& part : parts) absl::StripAsciiWhitespace(&part);
  return parts;
}

}  // namespace cascade
