// Steps that fail: whatever fails in them and wherever, the images are as they
// were, and the repeated step makes the same bytes.

#include <ATen/Parallel.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/random_unet.h"
#include "tests/unit/models/scripted_network.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

// LibTorch's CPU memory, of which one allocation fails while an object lives.
class FailingAllocation final : public c10::Allocator {
 public:
  // The allocation number `failing`, from 0.
  explicit FailingAllocation(int failing)
      : real_(c10::GetCPUAllocator()), left_(failing) {
    c10::SetCPUAllocator(this, kPriority);
  }
  ~FailingAllocation() override { c10::SetCPUAllocator(real_, kPriority); }

  bool failed() const { return left_ < 0; }

  c10::DataPtr allocate(size_t bytes) override {
    if (left_-- == 0) {
      C10_THROW_ERROR(OutOfMemoryError, "scripted lack of memory");
    }
    return real_->allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override {
    return real_->raw_deleter();
  }
  void copy_data(void* target, const void* source,
                 size_t bytes) const override {
    real_->copy_data(target, source, bytes);
  }

 private:
  static constexpr uint8_t kPriority = 100;
  c10::Allocator* const real_;
  int left_;
};

class FailingStepsTest : public testing::TestWithParam<StageManifest> {};

// Two images take a step in which one allocation fails, for one allocation
// after the other, and then the rest of theirs. Sizes of 1 and 3 rows make two
// batches of it. LibTorch gets over some failures by itself.
TEST_P(FailingStepsTest, WhicheverAllocationFailsTheBytesAreTheSame) {
  at::set_num_threads(1);
  const StageSpec& spec = GetParam().spec;
  const auto executor = MakeExecutor(
      spec, ServeModules(RandomUNet(GetParam().network, 1), at::kCPU),
      Limits({1, 3}, 2));
  const std::vector<ImagePlan> plans = {
      Plan(spec, Options(SamplerKind::kDpmSolverPlusPlus2M, 2), 3),
      Plan(spec, Options(SamplerKind::kDdpm, 2, 2), 4)};
  const auto expected = Alone(*executor, plans);
  int failures = 0;
  for (int failing = 0;; failing += 7) {
    const std::vector<Slot> slots = executor->Admit(plans).value();
    const std::vector<StepRow> rows = {{.slot = slots[0], .wants_pixels = true},
                                       {.slot = slots[1]}};
    const auto images = [&] {
      return std::pair(executor->X(slots[0]).value(),
                       executor->X(slots[1]).value());
    };
    const auto before = images();
    absl::Status status;
    bool failed = false;
    {
      const FailingAllocation memory(failing);
      status = RunStep(*executor, rows).status();
      failed = memory.failed();
    }
    if (!status.ok()) {
      ++failures;
      ASSERT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
      ASSERT_EQ(images(), before) << failing;
      ASSERT_TRUE(RunStep(*executor, rows).ok());
    }
    ASSERT_TRUE(RunStep(*executor, rows).ok());
    ASSERT_EQ(Finished(*executor, slots[0]), expected[0]) << failing;
    ASSERT_EQ(Finished(*executor, slots[1]), expected[1]) << failing;
    executor->Release(slots);
    if (!failed) break;
  }
  EXPECT_GT(failures, 50);
}

INSTANTIATE_TEST_SUITE_P(Stages, FailingStepsTest,
                         testing::Values(TinyBase(), TinySuperResolution()),
                         [](const auto& stage) {
                           return stage.param.spec.low_resolution > 0
                                      ? "SuperResolution"
                                      : "Base";
                         });

// Admitting, parking and exporting that fail leave the pool as it was.
TEST(FailingCallsTest, NoSlotIsLost) {
  const StageSpec spec = TinySuperResolution().spec;
  const auto executor = MakeExecutor(
      spec, std::make_shared<ScriptedNetwork>(spec), Limits({1}, 1));
  ImagePlan plan = Plan(spec, Options(SamplerKind::kDdim, 1), 3);
  plan.augmentation_level = 0.25;
  const std::vector<float> expected = Alone(*executor, {plan})[0];
  // Repeats `call` until none of its allocations fails.
  const auto persist = [](const auto& call) {
    for (int failing = 0;; ++failing) {
      const FailingAllocation memory(failing);
      auto result = call();
      if (!memory.failed()) return *std::move(result);
      EXPECT_EQ(result.status().code(), absl::StatusCode::kResourceExhausted);
    }
  };
  Slot slot = persist([&] { return executor->Admit({&plan, 1}); })[0];
  plan.parked = persist([&] { return executor->Park(slot); });
  executor->Release({&slot, 1});
  slot = persist([&] { return executor->Admit({&plan, 1}); })[0];
  RunLines(*executor, slot, 1);
  const auto image = persist([&] { return executor->Export(slot); });
  EXPECT_EQ(image->ToHost().value(), expected);
}

TEST(FailingCallsTest, ALostDeviceIsUnavailable) {
  const StageSpec spec = TinyUnconditional().spec;
  const auto network = std::make_shared<ScriptedNetwork>(spec);
  network->on_run = [](const nn::UNetInput&, at::Tensor&) {
    C10_THROW_ERROR(Error, "CUDA error: unspecified launch failure");
  };
  const auto executor = MakeExecutor(spec, network, Limits({1}, 1));
  const ImagePlan plan = Plan(spec, Options(SamplerKind::kDdim, 1), 3);
  const Slot slot = executor->Admit({&plan, 1}).value()[0];
  const absl::Status status = RunStep(*executor, {{.slot = slot}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the device is lost"));
}

}  // namespace
}  // namespace cascade
