#include "models/sampling/timestep_spacing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <vector>

namespace cascade {
namespace {

std::vector<int> Sections(std::vector<int> counts) {
  return SectionTimesteps(1000, counts).value();
}

// Expects the first timesteps to be `head` and the last ones `tail`.
void ExpectEnds(const std::vector<int>& timesteps, std::vector<int> head,
                std::vector<int> tail) {
  ASSERT_GE(timesteps.size(), head.size() + tail.size());
  EXPECT_EQ(std::vector<int>(
                timesteps.begin(),
                timesteps.begin() + static_cast<std::ptrdiff_t>(head.size())),
            head);
  EXPECT_EQ(std::vector<int>(
                timesteps.end() - static_cast<std::ptrdiff_t>(tail.size()),
                timesteps.end()),
            tail);
}

bool StrictlyAscending(const std::vector<int>& timesteps) {
  return std::adjacent_find(timesteps.begin(), timesteps.end(),
                            std::greater_equal<>()) == timesteps.end();
}

TEST(TimestepSpacingTest, SectionsAreThePublishedOnes) {
  ExpectEnds(Sections({250}), {0, 4, 8, 12}, {979, 983, 987, 991, 995, 999});
  ExpectEnds(Sections({100}), {0, 10, 20, 30, 40, 50, 61, 71, 81, 91, 101, 111},
             {989, 999});
  ExpectEnds(Sections({50}),
             {0, 20, 41, 61, 82, 102, 122, 143, 163, 183, 204, 224},
             {979, 999});
  ExpectEnds(Sections({25}),
             {0, 42, 83, 125, 166, 208, 250, 291, 333, 375, 416, 458},
             {957, 999});
  ExpectEnds(Sections({10}), {0, 111, 222}, {888, 999});
  EXPECT_EQ(Sections({10, 10, 3, 2, 2}),
            (std::vector<int>{0,   22,  44,  66,  88,  111, 133, 155, 177,
                              199, 200, 222, 244, 266, 288, 311, 333, 355,
                              377, 399, 400, 500, 599, 600, 799, 800, 999}));
}

TEST(TimestepSpacingTest, SectionsRefuseMoreThanTheyHold) {
  EXPECT_EQ(SectionTimesteps(10, std::vector<int>{5, 6}).status().message(),
            "sections[1] = 6 is not in 1..5");
  EXPECT_FALSE(SectionTimesteps(10, std::vector<int>{0}).ok());
  EXPECT_FALSE(SectionTimesteps(10, std::vector<int>{}).ok());
}

TEST(TimestepSpacingTest, StrideIsThePublishedOne) {
  const std::vector<int> ddim25 = StrideTimesteps(1000, 25);
  ASSERT_EQ(ddim25.size(), 25u);
  ExpectEnds(ddim25, {0, 40}, {960});
  ExpectEnds(StrideTimesteps(1000, 10), {0, 100, 200}, {800, 900});
  EXPECT_EQ(StrideTimesteps(1000, 1000).back(), 999);
}

TEST(TimestepSpacingTest, CountsWithoutAStrideAreSpacedEvenly) {
  EXPECT_EQ(StrideTimesteps(1000, 60), EvenTimesteps(1000, 60));
  EXPECT_EQ(StrideTimesteps(1000, 1), std::vector<int>{999});
}

TEST(TimestepSpacingTest, EveryCountGivesThatManyDistinctTimesteps) {
  for (int total : {1, 2, 7, 100, 1000}) {
    for (int count = 1; count <= total; ++count) {
      for (const std::vector<int>& timesteps :
           {EvenTimesteps(total, count), StrideTimesteps(total, count),
            SolverTimesteps(total, count)}) {
        ASSERT_EQ(timesteps.size(), static_cast<size_t>(count));
        ASSERT_TRUE(StrictlyAscending(timesteps)) << total << " " << count;
        ASSERT_GE(timesteps.front(), 0);
        ASSERT_LT(timesteps.back(), total);
      }
    }
  }
}

TEST(TimestepSpacingTest, SolverTimestepsAreThoseOfTheRecordedTrace) {
  EXPECT_EQ(SolverTimesteps(1000, 12),
            (std::vector<int>{83, 166, 250, 333, 416, 500, 583, 666, 749, 832,
                              916, 999}));
}

}  // namespace
}  // namespace cascade
