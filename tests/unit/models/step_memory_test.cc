#include "models/runtime/step_memory.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "models/runtime/allocation_peak.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

at::Tensor Allocate(int64_t bytes) { return at::empty({bytes}, at::kByte); }

TEST(AllocationPeakTest, IsTheMostAtOneTime) {
  const at::Tensor before = Allocate(5000);
  const AllocationPeak peak(at::kCPU);
  EXPECT_EQ(peak.bytes(), 0);
  {
    const at::Tensor first = Allocate(1000);
    const at::Tensor second = Allocate(300);
  }
  EXPECT_EQ(peak.bytes(), 1300);
  const at::Tensor third = Allocate(1200);
  EXPECT_EQ(peak.bytes(), 1300);
  const at::Tensor fourth = Allocate(200);
  EXPECT_EQ(peak.bytes(), 1400);
}

TEST(AllocationPeakTest, CountsItsDeviceOnly) {
  const AllocationPeak peak(at::Device(at::kCUDA, 0));
  Allocate(1000);
  EXPECT_EQ(peak.bytes(), 0);
}

// Takes a known number of bytes for each row, and for the whole batch.
class KnownNetwork final : public StageNetwork {
 public:
  at::Device device() const override { return at::kCPU; }
  int64_t weight_bytes() const override { return 0; }

  at::Tensor Run(const nn::UNetInput& input) const override {
    const int64_t rows = input.x.size(0);
    largest_batch = std::max(largest_batch, rows);
    const at::Tensor scratch = Allocate(kBytesPerRow * rows + kBytesPerBatch);
    return at::zeros(input.x.sizes(), at::kFloat);
  }

  static constexpr int64_t kBytesPerRow = 10000;
  static constexpr int64_t kBytesPerBatch = 8;
  mutable int64_t largest_batch = 0;
};

TEST(StepMemoryTest, CountsNetworkInputsAndNoiseButNoSlots) {
  const auto network = std::make_shared<KnownNetwork>();
  const auto bytes = MeasureBytesPerRow(TinyUnconditional().spec, network,
                                        Limits({1, 2, 8}, 64));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(network->largest_batch, 8);
  constexpr int64_t kImage = 3 * 8 * 8 * sizeof(float);
  // Input, noise and output; the timestep; the batch's bytes shared by 8 rows.
  EXPECT_EQ(*bytes, KnownNetwork::kBytesPerRow + 3 * kImage + 4 + 1);
}

TEST(StepMemoryTest, ASuperResolutionStageHasMoreInputs) {
  const auto bytes =
      MeasureBytesPerRow(TinySuperResolution().spec,
                         std::make_shared<KnownNetwork>(), Limits({4}, 4));
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  constexpr int64_t kImage = 16 * 16 * sizeof(float);
  // Input, enlarged input, noise and output; timestep, class and augmentation;
  // the batch's bytes shared by 4 rows.
  EXPECT_EQ(*bytes, KnownNetwork::kBytesPerRow + 4 * kImage + 4 + 8 + 4 + 2);
}

class NoMemoryNetwork final : public StageNetwork {
 public:
  at::Device device() const override { return at::kCPU; }
  int64_t weight_bytes() const override { return 0; }
  at::Tensor Run(const nn::UNetInput&) const override {
    C10_THROW_ERROR(OutOfMemoryError, "scripted lack of memory");
  }
};

TEST(StepMemoryTest, FailsAsAStepDoes) {
  EXPECT_EQ(
      MeasureBytesPerRow(TinyUnconditional().spec,
                         std::make_shared<NoMemoryNetwork>(), Limits({1}, 1))
          .status()
          .code(),
      absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace cascade
