#include "server/rpc/stage_state.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "models/host_stage_output.h"
#include "models/sampling/augmentation.h"
#include "models/truncation.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_check.h"
#include "server/rpc/request_conversion.h"
#include "server/rpc/state_checksum.h"

namespace cascade {
namespace {

constexpr size_t kDigestBytes = 32;

// 32 bytes of 64 hexadecimal digits.
std::string DigestOf(const StageSpec& stage) {
  return absl::HexStringToBytes(stage.weights_sha256);
}

// Enough to tell two digests apart.
std::string Short(const std::string& digest) {
  constexpr size_t kBytes = 4;
  return absl::BytesToHexString(digest.substr(0, kBytes));
}

absl::Status CheckVersion(const v1::StageState& state) {
  if (state.format_version() == kStateFormatVersion) return absl::OkStatus();
  return InvalidField(
      "state.format_version",
      absl::StrCat(state.format_version(), ": this server reads ",
                   kStateFormatVersion));
}

absl::Status CheckChecksum(const v1::StageState& state) {
  const std::string expected = StateChecksum(state);
  if (state.checksum() == expected) return absl::OkStatus();
  return FieldError(
      absl::StatusCode::kDataLoss, kStateDamaged, "state.checksum",
      absl::StrCat(Short(state.checksum()), "... where the contents have ",
                   Short(expected), "...: the state is not as it was made"));
}

absl::Status CheckStage(const v1::StageState& state,
                        const CascadeSpec& cascade) {
  const int top = static_cast<int>(cascade.stages.size()) - 1;
  if (state.stage() >= 0 && state.stage() < top) return absl::OkStatus();
  if (state.stage() == top) {
    return InvalidField("state.stage",
                        absl::StrCat(top, ": is the last stage of ",
                                     cascade.name, ", and none follows"));
  }
  return InvalidField("state.stage",
                      absl::StrCat(state.stage(), " is not in 0..", top - 1));
}

absl::Status CheckDigests(const v1::StageState& state,
                          const CascadeSpec& cascade) {
  if (state.stage_digests_size() != state.stage() + 1) {
    return InvalidField(
        "state.stage_digests",
        absl::StrCat(state.stage_digests_size(), " digests for ",
                     state.stage() + 1, " stages"));
  }
  for (int k = 0; k <= state.stage(); ++k) {
    const StageSpec& stage = cascade.stages[static_cast<size_t>(k)];
    const std::string& given = state.stage_digests(k);
    const std::string field = ElementField("state.stage_digests", k);
    if (given.size() != kDigestBytes) {
      return InvalidField(
          field,
          absl::StrCat(given.size(), " bytes instead of ", kDigestBytes));
    }
    if (const std::string loaded = DigestOf(stage); given != loaded) {
      return FieldError(
          absl::StatusCode::kFailedPrecondition, kStateForeign, field,
          absl::StrCat("made by weights ", Short(given), "..., and stage ", k,
                       " (", stage.name, ") of ", cascade.name, " has ",
                       Short(loaded), "..."));
    }
  }
  return absl::OkStatus();
}

void CheckClass(const v1::StageState& state, const CascadeSpec& cascade,
                FieldCheck& check) {
  switch (state.class_choice_case()) {
    case v1::StageState::kClassId:
      check.InRange("state.class_id", state.class_id(), 0,
                    NumClasses(cascade) - 1);
      break;
    case v1::StageState::kUnconditional:
      if (!state.unconditional() || !SupportsUnconditional(cascade)) {
        check.Refuse("state.unconditional",
                     state.unconditional() ? "true: a stage has no null class"
                                           : "false: a class is expected");
      }
      break;
    case v1::StageState::CLASS_CHOICE_NOT_SET:
      check.Refuse("state.class_id", "unset, and so is `unconditional`");
      break;
  }
}

// The floats of `state.values`; none if they are not what the stage makes.
std::vector<float> ReadValues(const v1::StageState& state,
                              const StageSpec& stage, FieldCheck& check) {
  const size_t side = static_cast<size_t>(stage.resolution);
  std::vector<float> values(static_cast<size_t>(stage.channels) * side * side);
  const size_t num_bytes = values.size() * sizeof(float);
  if (state.values().size() != num_bytes) {
    check.Refuse("state.values", absl::StrCat(state.values().size(),
                                              " bytes instead of ", num_bytes));
    return {};
  }
  std::memcpy(values.data(), state.values().data(), num_bytes);
  const auto wrong = std::find_if(values.begin(), values.end(),
                                  [](float v) { return !std::isfinite(v); });
  if (wrong != values.end()) {
    check.Refuse("state.values", absl::StrCat("number ", wrong - values.begin(),
                                              " is ", *wrong));
  }
  return values;
}

// The index of the noise that is left in a state of `stage`.
int ReadLevel(const v1::StageState& state, const StageSpec& stage,
              const StageSpec& next, FieldCheck& check) {
  // Only the process that it was trained with leaves noise of a level; other
  // schedules ran to their end.
  const double most = CheckTruncation(stage, SamplerOptions(), next).ok()
                          ? next.augmentation.max_level
                          : 0;
  if (!check.InRange("state.level", state.level(), 0.0, most) || most == 0) {
    return 0;
  }
  return AugmentationIndex(next.augmentation.num_timesteps, state.level());
}

absl::Status ReadFailed(const absl::Status& status, int stage) {
  const auto reason = [&status]() -> std::string_view {
    switch (status.code()) {
      case absl::StatusCode::kUnavailable:
        return kDeviceLost;
      case absl::StatusCode::kResourceExhausted:
        return kDeviceMemory;
      default:
        return kStepFailed;
    }
  };
  return ErrorWithReason(status.code(), reason(),
                         absl::StrCat("reading the state of stage ", stage,
                                      ": ", status.message()));
}

}  // namespace

absl::StatusOr<v1::StageState> MakeStageState(const StageOutput& output,
                                              const CascadeSpec& cascade,
                                              int stage, uint64_t image_seed,
                                              std::optional<int> class_id) {
  const absl::StatusOr<std::vector<float>> values = output.ToHost();
  if (!values.ok()) return ReadFailed(values.status(), stage);
  v1::StageState state;
  state.set_format_version(kStateFormatVersion);
  state.set_cascade(cascade.name);
  state.set_stage(stage);
  for (int k = 0; k <= stage; ++k) {
    state.add_stage_digests(DigestOf(cascade.stages[static_cast<size_t>(k)]));
  }
  state.set_image_seed(image_seed);
  if (class_id.has_value()) {
    state.set_class_id(*class_id);
  } else {
    state.set_unconditional(true);
  }
  if (output.noise_index() > 0) {
    const StageSpec& next = cascade.stages[static_cast<size_t>(stage) + 1];
    state.set_level(LevelOfIndex(next, output.noise_index()));
  }
  state.set_resolution(output.resolution());
  state.set_channels(output.channels());
  state.set_values(values->data(), values->size() * sizeof(float));
  state.set_checksum(StateChecksum(state));
  return state;
}

absl::StatusOr<std::shared_ptr<const StageOutput>> ReadStageState(
    const v1::StageState& state, const CascadeSpec& cascade) {
  RETURN_IF_ERROR(CheckVersion(state));
  // What is damaged may say anything.
  RETURN_IF_ERROR(CheckChecksum(state));
  RETURN_IF_ERROR(CheckStage(state, cascade));
  RETURN_IF_ERROR(CheckDigests(state, cascade));
  const StageSpec& stage = cascade.stages[static_cast<size_t>(state.stage())];
  FieldCheck check;
  check.InRange("state.resolution", state.resolution(), stage.resolution,
                stage.resolution);
  check.InRange("state.channels", state.channels(), stage.channels,
                stage.channels);
  const StageSpec& next =
      cascade.stages[static_cast<size_t>(state.stage()) + 1];
  const int noise_index = ReadLevel(state, stage, next, check);
  CheckClass(state, cascade, check);
  std::vector<float> values = ReadValues(state, stage, check);
  if (absl::Status status = check.status(); !status.ok()) return status;
  return std::make_shared<const HostStageOutput>(
      stage.channels, stage.resolution, std::move(values), noise_index);
}

}  // namespace cascade
