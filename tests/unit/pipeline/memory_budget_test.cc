#include "server/pipeline/memory_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

constexpr int64_t kMebibyte = 1 << 20;

// 100 MiB of weights; a lane has 4 slots of 10 MiB and batches of 8 rows of
// 5 MiB.
ExecutorLimits Limits() {
  ExecutorLimits limits;
  limits.slots = 4;
  limits.batch_rows = {1, 2, 8};
  limits.bytes_per_slot = 10 * kMebibyte;
  limits.bytes_per_row = 5 * kMebibyte;
  limits.weight_bytes = 100 * kMebibyte;
  return limits;
}

TEST(MemoryBudgetTest, LanesShareTheWeightsOnly) {
  MemoryDemand demand;
  demand.Add(Limits(), /*num_lanes=*/3);
  EXPECT_EQ(demand.weights, 100 * kMebibyte);
  EXPECT_EQ(demand.slots, 3 * 40 * kMebibyte);
  EXPECT_EQ(demand.batches, 3 * 40 * kMebibyte);
  demand.Add(Limits(), /*num_lanes=*/1);
  EXPECT_EQ(demand.total(), (340 + 180) * kMebibyte);
}

TEST(MemoryBudgetTest, AManyGigabytePoolDoesNotOverflow) {
  ExecutorLimits limits = Limits();
  limits.slots = 4096;
  MemoryDemand demand;
  demand.Add(limits, /*num_lanes=*/1024);
  EXPECT_EQ(demand.slots, int64_t{1024} * 4096 * 10 * kMebibyte);
}

TEST(MemoryBudgetTest, WhatFitsExactlyFits) {
  const MemoryDemands demands = {
      {"cpu", {.weights = 30, .slots = 20, .batches = 10}}};
  EXPECT_OK(CheckMemory("c", demands,
                        {{"cpu", {.limit = 100, .in_use = 40, .free = 60}}}));
}

TEST(MemoryBudgetTest, LimitAndFreeMemoryBothCount) {
  const MemoryDemands demands = {
      {"cpu", {.weights = 30, .slots = 20, .batches = 10}}};
  for (const MemoryBudget& budget :
       {MemoryBudget{.limit = 100, .in_use = 41, .free = 60},
        MemoryBudget{.limit = 100, .in_use = 40, .free = 59}}) {
    EXPECT_THAT(CheckMemory("c", demands, {{"cpu", budget}}),
                HasCode(absl::StatusCode::kResourceExhausted));
  }
}

TEST(MemoryBudgetTest, ARefusalTellsAllNumbersOfTheDevice) {
  MemoryDemand demand;
  demand.Add(Limits(), /*num_lanes=*/3);
  const MemoryDemands demands = {{"cpu", MemoryDemand()}, {"cuda:0", demand}};
  const MemoryBudgets budgets = {{"cpu", MemoryBudget()},
                                 {"cuda:0",
                                  {.limit = 2048 * kMebibyte,
                                   .in_use = 1800 * kMebibyte,
                                   .free = 900 * kMebibyte}}};
  EXPECT_EQ(CheckMemory("faces", demands, budgets).message(),
            "cascade faces does not fit on cuda:0: it needs 340.0 MiB "
            "(weights 100.0 MiB, slots 120.0 MiB, batches 120.0 MiB); the "
            "limit is 2.0 GiB, of which loaded cascades need 1.8 GiB, and "
            "900.0 MiB are free");
}

}  // namespace
}  // namespace cascade
