#include "server/pipeline/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/scripted_cascade.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::UnorderedElementsAre;

constexpr int64_t kMebibyte = 1 << 20;

// Each lane needs 10 MiB of slots and 20 MiB of batches for a stage with 30 MiB
// of weights.
ScriptedStage Stage(int resolution) {
  return {.resolution = resolution,
          .slots = 10,
          .batch_rows = {1, 4},
          .bytes_per_slot = kMebibyte,
          .bytes_per_row = 5 * kMebibyte,
          .weight_bytes = 30 * kMebibyte};
}

class PipelineTest : public ::testing::Test {
 protected:
  void Make(std::vector<LanePlace> lanes,
            std::map<std::string, int64_t> memory_limit = {},
            int64_t max_step_bytes = 0) {
    const auto memory_of = [this](const std::string& device) {
      return memory_.contains(device)
                 ? absl::StatusOr<DeviceMemory>(memory_.at(device))
                 : absl::NotFoundError("no device " + device);
    };
    auto pipeline = Pipeline::Create({.lanes = std::move(lanes),
                                      .memory_limit = std::move(memory_limit),
                                      .max_step_bytes = max_step_bytes},
                                     memory_of, metrics_);
    status_ = pipeline.status();
    if (pipeline.ok()) pipeline_ = *std::move(pipeline);
  }
  absl::StatusOr<ServedCascade> Add(CascadeId id) {
    return pipeline_->Add(id, model_, *pipeline_->MeasureFreeMemory());
  }
  int num_executors() const { return model_->script().num_executors(); }

  const std::shared_ptr<const ScriptedCascade> model_ =
      std::make_shared<const ScriptedCascade>(
          "c", std::vector<ScriptedStage>{Stage(8), Stage(16)});
  std::map<std::string, DeviceMemory> memory_ = {
      {"cpu", {.total = 1000 * kMebibyte, .free = 900 * kMebibyte}},
      {"cuda:0", {.total = 1000 * kMebibyte, .free = 900 * kMebibyte}}};
  Metrics metrics_{"test"};
  absl::Status status_;
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(PipelineTest, TellsTheLanesThatCanRunEachStage) {
  Make({{.device = "cpu", .stages = {"*"}},
        {.device = "cuda:0", .stages = {"c/16x16"}}});
  const auto served = Add(1);
  ASSERT_OK(served);
  EXPECT_EQ(served->spec->name, "c");
  ASSERT_EQ(served->stages.size(), 2u);
  EXPECT_THAT(served->stages[0].lanes, UnorderedElementsAre(Key(0)));
  EXPECT_THAT(served->stages[1].lanes, UnorderedElementsAre(Key(0), Key(1)));
  EXPECT_EQ(served->stages[1].lanes.at(1).device, "cuda:0");
  EXPECT_THAT(served->stages[1].lanes.at(1).limits.batch_rows,
              ElementsAre(1, 4));
  EXPECT_THAT(served->spec->stages[1].served_precisions,
              ElementsAre(Precision::kFp32));
  EXPECT_EQ(num_executors(), 3);
}

TEST_F(PipelineTest, RemovesTheExecutorsOfACascade) {
  Make(
      {{.device = "cpu", .stages = {"*"}}, {.device = "cpu", .stages = {"*"}}});
  ASSERT_OK(Add(1));
  ASSERT_OK(Add(2));
  EXPECT_EQ(num_executors(), 8);
  pipeline_->Remove(1);
  EXPECT_EQ(num_executors(), 4);
}

// Two lanes: 30 + 2 x (10 + 20) = 90 MiB a stage.
TEST_F(PipelineTest, RefusesWhatIsMoreThanTheLimit) {
  const std::vector<LanePlace> lanes(2, {.device = "cpu", .stages = {"*"}});
  Make(lanes, {{"cpu", 180 * kMebibyte}});
  EXPECT_OK(Add(1));
  Make(lanes, {{"cpu", 180 * kMebibyte - 1}});
  EXPECT_THAT(Add(1), HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(num_executors(), 0);
}

// No batch of four rows, 20 MiB, is ever formed: 30 + 10 + 5 MiB a stage.
TEST_F(PipelineTest, BoundedStepsNeedLess) {
  const std::vector<LanePlace> lanes = {{.device = "cpu", .stages = {"*"}}};
  Make(lanes, {{"cpu", 90 * kMebibyte}}, 20 * kMebibyte - 1);
  EXPECT_OK(Add(1));
  Make(lanes, {{"cpu", 90 * kMebibyte}}, 20 * kMebibyte);
  EXPECT_THAT(Add(1), HasCode(absl::StatusCode::kResourceExhausted));
}

TEST_F(PipelineTest, WhatIsLoadedCountsUntilItIsRemoved) {
  Make({{.device = "cpu", .stages = {"*"}}}, {{"cpu", 200 * kMebibyte}});
  ASSERT_OK(Add(1));  // 120 MiB.
  const absl::Status status = Add(2).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("loaded cascades need 120.0 MiB"));
  pipeline_->Remove(1);
  EXPECT_OK(Add(3));
}

TEST_F(PipelineTest, RefusesWhatIsMoreThanTheDeviceHasFree) {
  memory_["cpu"].free = 119 * kMebibyte;
  Make({{.device = "cpu", .stages = {"*"}}});
  EXPECT_THAT(Add(1), HasCode(absl::StatusCode::kResourceExhausted));
}

TEST_F(PipelineTest, AnExecutorThatCannotBeMadeIsNamedWithWhatIsFree) {
  Make({{.device = "cpu", .stages = {"*"}}});
  model_->script().FailNextExecutor(
      absl::ResourceExhaustedError("no room for the weights"));
  const absl::Status status = Add(1).status();
  EXPECT_THAT(status, HasCode(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(status.message(),
            "stage c/8x8 on cpu, 900.0 MiB of 1000.0 MiB free: no room for the "
            "weights");
  EXPECT_EQ(num_executors(), 0);
}

TEST_F(PipelineTest, RefusesAStageThatNoLaneTakes) {
  Make({{.device = "cpu", .stages = {"*/8x8"}}});
  EXPECT_THAT(Add(1), HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(PipelineTest, RefusesADeviceThatThereIsNot) {
  Make({{.device = "cuda:1", .stages = {"*"}}});
  EXPECT_THAT(status_, HasCode(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace cascade
