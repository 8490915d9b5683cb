#include "client/stage_flags.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Names are read without regard to case, and with '_' for '-', as JSON has
// them.
std::string Normal(const std::string& text) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(text), {{"_", "-"}});
}

template <typename Value>
using Name = std::pair<const char*, Value>;

// What `text` means. INVALID_ARGUMENT lists the names.
template <typename Value, size_t kCount>
absl::StatusOr<Value> Choose(const std::string& text,
                             const Name<Value> (&names)[kCount]) {
  const std::string wanted = Normal(text);
  for (const auto& [name, value] : names) {
    if (wanted == name) return value;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is none of ",
      absl::StrJoin(names, ", ",
                    [](std::string* list, const Name<Value>& entry) {
                      absl::StrAppend(list, entry.first);
                    })));
}

absl::StatusOr<double> ReadNumber(const std::string& text) {
  double number = 0;
  if (absl::SimpleAtod(text, &number)) return number;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not a number"));
}

// "NAME:NUMBER:NUMBER", taken apart.
struct NamedNumbers {
  std::string name;
  std::vector<double> numbers;
};

absl::StatusOr<NamedNumbers> ReadNamedNumbers(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  NamedNumbers result;
  result.name = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    ASSIGN_OR_RETURN(const double number, ReadNumber(parts[i]));
    result.numbers.push_back(number);
  }
  return result;
}

}  // namespace

absl::Status SetSampler(const std::string& text, v1::StageOptions& options) {
  static const Name<v1::SamplerKind> kKinds[] = {
      {"ddpm", v1::SAMPLER_KIND_DDPM},
      {"ddim", v1::SAMPLER_KIND_DDIM},
      {"dpmpp-2m", v1::SAMPLER_KIND_DPM_SOLVER_PLUS_PLUS_2M},
      {"dpm++", v1::SAMPLER_KIND_DPM_SOLVER_PLUS_PLUS_2M},
      {"unipc-3", v1::SAMPLER_KIND_UNIPC_3},
      {"heun", v1::SAMPLER_KIND_HEUN},
      {"consistency", v1::SAMPLER_KIND_CONSISTENCY},
  };
  ASSIGN_OR_RETURN(const v1::SamplerKind kind, Choose(text, kKinds));
  options.mutable_sampler()->set_kind(kind);
  return absl::OkStatus();
}

absl::Status SetSteps(const std::string& text, v1::StageOptions& options) {
  int steps = 0;
  if (!absl::SimpleAtoi(text, &steps)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a whole number"));
  }
  options.mutable_sampler()->set_steps(steps);
  return absl::OkStatus();
}

absl::Status SetEta(const std::string& text, v1::StageOptions& options) {
  ASSIGN_OR_RETURN(const double eta, ReadNumber(text));
  options.mutable_sampler()->set_eta(eta);
  return absl::OkStatus();
}

absl::Status SetGuidance(const std::string& text, v1::StageOptions& options) {
  ASSIGN_OR_RETURN(const double scale, ReadNumber(text));
  options.mutable_guidance()->set_scale(scale);
  return absl::OkStatus();
}

absl::Status SetAugmentation(const std::string& text,
                             v1::StageOptions& options) {
  ASSIGN_OR_RETURN(const double level, ReadNumber(text));
  options.mutable_augmentation()->set_level(level);
  return absl::OkStatus();
}

absl::Status SetAugmentationMode(const std::string& text,
                                 v1::StageOptions& options) {
  static const Name<v1::AugmentationMode> kModes[] = {
      {"truncated", v1::AUGMENTATION_MODE_TRUNCATED},
      {"non-truncated", v1::AUGMENTATION_MODE_NON_TRUNCATED},
  };
  ASSIGN_OR_RETURN(const v1::AugmentationMode mode, Choose(text, kModes));
  options.mutable_augmentation()->set_mode(mode);
  return absl::OkStatus();
}

absl::Status SetThreshold(const std::string& text, v1::StageOptions& options) {
  static const Name<v1::ThresholdKind> kKinds[] = {
      {"none", v1::THRESHOLD_KIND_NONE},
      {"static", v1::THRESHOLD_KIND_STATIC},
      {"dynamic", v1::THRESHOLD_KIND_DYNAMIC},
  };
  ASSIGN_OR_RETURN(const NamedNumbers read, ReadNamedNumbers(text));
  ASSIGN_OR_RETURN(const v1::ThresholdKind kind, Choose(read.name, kKinds));
  if (read.numbers.size() > 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' has more than KIND:QUANTILE:MAX"));
  }
  v1::Threshold& threshold = *options.mutable_sampler()->mutable_threshold();
  threshold.set_kind(kind);
  if (!read.numbers.empty()) threshold.set_quantile(read.numbers[0]);
  if (read.numbers.size() > 1) threshold.set_max(read.numbers[1]);
  return absl::OkStatus();
}

absl::Status SetSchedule(const std::string& text, v1::StageOptions& options) {
  static const Name<v1::ScheduleKind> kKinds[] = {
      {"trained", v1::SCHEDULE_KIND_TRAINED},
      {"linear", v1::SCHEDULE_KIND_LINEAR},
      {"cosine", v1::SCHEDULE_KIND_COSINE},
  };
  ASSIGN_OR_RETURN(const NamedNumbers read, ReadNamedNumbers(text));
  ASSIGN_OR_RETURN(const v1::ScheduleKind kind, Choose(read.name, kKinds));
  const std::vector<double>& numbers = read.numbers;
  if (numbers.size() == 2 || numbers.size() > 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", text,
        "' is not KIND, KIND:TIMESTEPS or KIND:TIMESTEPS:BETA:BETA"));
  }
  if (!numbers.empty() &&
      (numbers[0] != std::trunc(numbers[0]) || std::abs(numbers[0]) > 1e9)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' has no whole number of timesteps"));
  }
  v1::SamplingSchedule& schedule =
      *options.mutable_sampler()->mutable_schedule();
  schedule.set_kind(kind);
  if (!numbers.empty()) {
    schedule.set_num_timesteps(static_cast<int>(numbers[0]));
  }
  if (numbers.size() == 3) {
    schedule.set_beta_begin(numbers[1]);
    schedule.set_beta_end(numbers[2]);
  }
  return absl::OkStatus();
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
    const absl::Status set = setter(values[i], entry);
    if (!set.ok()) return WrongFlag(flag, text, std::string(set.message()));
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
