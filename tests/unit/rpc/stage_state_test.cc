#include "server/rpc/stage_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "models/host_stage_output.h"
#include "server/base/error_reason.h"
#include "server/rpc/state_checksum.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/rpc/digits_spec.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

// 8 x 8: values -1, -0.75, -0.5, ...
std::vector<float> BaseValues() {
  std::vector<float> values(64);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i) / 4 - 1;
  }
  return values;
}

v1::StageState BaseState() {
  const HostStageOutput output(1, 8, BaseValues());
  return *MakeStageState(output, Digits(), /*stage=*/0, /*image_seed=*/42,
                         /*class_id=*/7);
}

// A state that was changed by somebody who knows the format.
v1::StageState Changed(const std::function<void(v1::StageState&)>& change) {
  v1::StageState state = BaseState();
  change(state);
  state.set_checksum(StateChecksum(state));
  return state;
}

TEST(StageStateTest, SaysWhatItIs) {
  const HostStageOutput output(1, 16, std::vector<float>(256));
  const auto state = MakeStageState(output, Digits(), 1, ~uint64_t{0}, {});
  ASSERT_OK(state);
  EXPECT_EQ(state->format_version(), 1u);
  EXPECT_EQ(state->cascade(), "digits");
  EXPECT_EQ(state->stage(), 1);
  ASSERT_EQ(state->stage_digests_size(), 2);
  EXPECT_EQ(state->stage_digests(0), std::string(32, '\x00'));
  EXPECT_EQ(state->stage_digests(1), std::string(32, '\x11'));
  EXPECT_EQ(state->image_seed(), ~uint64_t{0});
  EXPECT_TRUE(state->unconditional());
  EXPECT_EQ(state->resolution(), 16);
  EXPECT_EQ(state->channels(), 1);
  EXPECT_EQ(state->level(), 0);
  EXPECT_EQ(state->values().size(), 1024u);
}

TEST(StageStateTest, HoldsLittleEndianFloats) {
  const HostStageOutput output(1, 1, {1.5f});
  EXPECT_EQ(MakeStageState(output, Digits(), 0, 1, 7)->values(),
            std::string("\x00\x00\xc0\x3f", 4));
}

// Computed by hashlib over the layout that stage_state.proto describes.
TEST(StageStateTest, HasTheChecksumOfTheDocumentedLayout) {
  const HostStageOutput output(1, 1, {1.5f});
  const auto state = MakeStageState(output, Digits(), 0, 42, 7);
  EXPECT_EQ(absl::BytesToHexString(state->checksum()),
            "05f09fc45fff9a9d1ff1a984e0bc34db0b50c05897ebbd109b328dc833ab49aa");
}

TEST(StageStateTest, ComesBackAsItWas) {
  const auto output = ReadStageState(BaseState(), Digits());
  ASSERT_OK(output);
  EXPECT_EQ((*output)->resolution(), 8);
  EXPECT_EQ((*output)->channels(), 1);
  EXPECT_EQ(*(*output)->ToHost(), BaseValues());
}

TEST(StageStateTest, CarriesTheNoiseThatIsLeft) {
  const HostStageOutput output(1, 8, BaseValues(), /*noise_index=*/137);
  const auto state = MakeStageState(output, Digits(), 0, 42, 7);
  ASSERT_OK(state);
  EXPECT_EQ(state->level(), 0.137);
  const auto read = ReadStageState(*state, Digits());
  ASSERT_OK(read);
  EXPECT_EQ((*read)->noise_index(), 137);
  EXPECT_EQ(*(*read)->ToHost(), BaseValues());
  // Where the next stage's schedule is another, a level means nothing.
  CascadeSpec cascade = Digits();
  cascade.stages[1].augmentation.schedule = ScheduleKind::kLinear;
  EXPECT_THAT(std::string(ReadStageState(*state, cascade).status().message()),
              HasSubstr("state.level: 0.137 is not in 0..0"));
}

// The index of the largest level is rounded up: 334 / 1000 is above it.
TEST(StageStateTest, TheLargestLevelComesBack) {
  CascadeSpec cascade = Digits();
  cascade.stages[1].augmentation.max_level = 0.3336;
  const HostStageOutput output(1, 8, BaseValues(), /*noise_index=*/334);
  const auto state = MakeStageState(output, cascade, 0, 42, 7);
  ASSERT_OK(state);
  EXPECT_EQ(state->level(), 0.3336);
  const auto read = ReadStageState(*state, cascade);
  ASSERT_OK(read);
  EXPECT_EQ((*read)->noise_index(), 334);
}

TEST(StageStateTest, AnotherNameOfTheSameWeightsIsFine) {
  CascadeSpec cascade = Digits();
  cascade.name = "digits-v1";
  EXPECT_OK(ReadStageState(BaseState(), cascade));
}

TEST(StageStateTest, AnyDamageIsNoticed) {
  const v1::StageState good = BaseState();
  const std::vector<std::function<void(v1::StageState&)>> damages = {
      [](auto& state) { state.set_cascade("other"); },
      [](auto& state) { state.set_stage(1); },
      [](auto& state) { state.add_stage_digests("x"); },
      [](auto& state) { (*state.mutable_stage_digests(0))[31] ^= 1; },
      [](auto& state) { state.set_image_seed(43); },
      [](auto& state) { state.set_class_id(6); },
      [](auto& state) { state.set_unconditional(true); },
      [](auto& state) { state.clear_class_choice(); },
      [](auto& state) { state.set_resolution(9); },
      [](auto& state) { state.set_channels(3); },
      [](auto& state) { state.set_level(0.5); },
      [](auto& state) { (*state.mutable_values())[0] ^= 1; },
      [](auto& state) { state.mutable_values()->pop_back(); },
      [](auto& state) { (*state.mutable_checksum())[0] ^= 1; },
      [](auto& state) { state.clear_checksum(); }};
  for (size_t i = 0; i < damages.size(); ++i) {
    v1::StageState state = good;
    damages[i](state);
    EXPECT_THAT(ReadStageState(state, Digits()),
                HasReason(absl::StatusCode::kDataLoss, "STATE_DAMAGED"))
        << "damage " << i;
  }
}

TEST(StageStateTest, OtherWeightsAreNamed) {
  CascadeSpec cascade = Digits();
  cascade.stages[0].weights_sha256 = std::string(64, 'f');
  const auto output = ReadStageState(BaseState(), cascade);
  EXPECT_THAT(output, HasReason(absl::StatusCode::kFailedPrecondition,
                                "STATE_FOREIGN"));
  ASSERT_EQ(FieldViolations(output.status()).size(), 1u);
  const FieldViolation violation = FieldViolations(output.status())[0];
  EXPECT_EQ(violation.field, "state.stage_digests[0]");
  EXPECT_THAT(violation.description, HasSubstr("stage 0 (8x8)"));
  EXPECT_THAT(violation.description, HasSubstr("00000000..."));
  EXPECT_THAT(violation.description, HasSubstr("ffffffff..."));
}

// What is refused though its checksum is right: the field, and what is said.
struct StateRefusal {
  std::function<void(v1::StageState&)> change;
  std::string field;
  std::string says;
};

class StateRefusalTest : public ::testing::TestWithParam<StateRefusal> {};

TEST_P(StateRefusalTest, NamesFieldAndValue) {
  const auto output = ReadStageState(Changed(GetParam().change), Digits());
  ASSERT_THAT(output,
              HasReason(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  const auto violations = FieldViolations(output.status());
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, GetParam().field);
  EXPECT_THAT(violations[0].description, HasSubstr(GetParam().says));
}

void SetFirstValue(v1::StageState& state, float value) {
  std::memcpy(state.mutable_values()->data(), &value, sizeof(value));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, StateRefusalTest,
    ::testing::Values(
        StateRefusal{[](auto& state) { state.set_format_version(2); },
                     "state.format_version", "2: this server reads 1"},
        StateRefusal{[](auto& state) { state.clear_format_version(); },
                     "state.format_version", "0"},
        StateRefusal{[](auto& state) { state.set_stage(2); }, "state.stage",
                     "2: is the last stage of digits"},
        StateRefusal{[](auto& state) { state.set_stage(3); }, "state.stage",
                     "3 is not in 0..1"},
        StateRefusal{[](auto& state) { state.set_stage(-1); }, "state.stage",
                     "-1 is not in 0..1"},
        StateRefusal{[](auto& state) { state.clear_stage_digests(); },
                     "state.stage_digests", "0 digests for 1 stages"},
        StateRefusal{[](auto& state) { state.set_stage_digests(0, "abc"); },
                     "state.stage_digests[0]", "3 bytes instead of 32"},
        StateRefusal{[](auto& state) { state.set_resolution(16); },
                     "state.resolution", "16 is not in 8..8"},
        StateRefusal{[](auto& state) { state.set_channels(3); },
                     "state.channels", "3 is not in 1..1"},
        StateRefusal{[](auto& state) { state.set_level(0.6); }, "state.level",
                     "0.6 is not in 0..0.5"},
        StateRefusal{[](auto& state) { state.set_level(-0.1); }, "state.level",
                     "-0.1 is not in 0..0.5"},
        StateRefusal{[](auto& state) { state.set_class_id(10); },
                     "state.class_id", "10 is not in 0..9"},
        StateRefusal{[](auto& state) { state.clear_class_choice(); },
                     "state.class_id", "unset"},
        StateRefusal{[](auto& state) { state.set_unconditional(true); },
                     "state.unconditional", "no null class"},
        StateRefusal{[](auto& state) { state.mutable_values()->resize(255); },
                     "state.values", "255 bytes instead of 256"},
        StateRefusal{[](auto& state) {
                       SetFirstValue(state,
                                     std::numeric_limits<float>::quiet_NaN());
                     },
                     "state.values", "number 0 is nan"},
        StateRefusal{[](auto& state) {
                       SetFirstValue(state,
                                     std::numeric_limits<float>::infinity());
                     },
                     "state.values", "number 0 is inf"}));

}  // namespace
}  // namespace cascade
