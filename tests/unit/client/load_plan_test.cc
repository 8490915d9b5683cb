#include "client/load_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

namespace cascade {
namespace {

using ::testing::ElementsAre;

v1::Cascade Digits() {
  v1::Cascade cascade;
  cascade.set_num_classes(3);
  for (const char* name : {"zero", "one, or two", "2"}) {
    cascade.add_class_names(name);
  }
  for (int k = 0; k < 3; ++k) cascade.add_stages()->set_index(k);
  return cascade;
}

LoadEntry Entry(double weight, int count = 1) {
  MixEntry mix;
  mix.weight = weight;
  mix.flags.image_count = count;
  mix.flags.class_choice = "random";
  return MakeLoadEntry(mix, Digits()).value();
}

// The classes that an entry of `choice` draws from: names, else ids.
std::vector<std::string> Classes(const std::string& choice) {
  MixEntry mix;
  mix.flags.class_choice = choice;
  const LoadEntry entry = MakeLoadEntry(mix, Digits()).value();
  std::vector<std::string> classes;
  for (const auto& request : entry.requests) {
    classes.push_back(request.has_class_name()
                          ? request.class_name()
                          : std::to_string(request.class_id()));
  }
  return classes;
}

TEST(LoadPlanTest, ClassesAreOneAListOrAll) {
  EXPECT_THAT(Classes("1"), ElementsAre("1"));
  EXPECT_THAT(Classes("zero, 1"), ElementsAre("zero", "1"));
  EXPECT_THAT(Classes("one, or two"), ElementsAre("one, or two"));
  EXPECT_THAT(Classes("random"), ElementsAre("0", "1", "2"));
}

TEST(LoadPlanTest, AnEntryTakesThePriorityTheTenantAndTheDeadline) {
  MixEntry mix;
  mix.flags.priority = "batch";
  mix.tenant = "a";
  mix.deadline = "5s";
  mix.flags.target_stage = 1;
  const auto entry = MakeLoadEntry(mix, Digits());
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->requests[0].priority(), v1::PRIORITY_BATCH);
  EXPECT_EQ(entry->tenant, "a");
  EXPECT_EQ(entry->deadline, absl::Seconds(5));
  EXPECT_EQ(entry->target_stage, 1);
  mix.deadline = "soon";
  EXPECT_FALSE(MakeLoadEntry(mix, Digits()).ok());
}

TEST(LoadPlanTest, SharesAreAsTheyWereAskedFor) {
  constexpr int kRequests = 20'000;
  LoadPlan::Options options;
  options.cancelled_share = 0.1;
  options.slow_reader_share = 0.05;
  const LoadPlan plan({Entry(0.9), Entry(0.1)}, options);
  double second = 0;
  double cancelled = 0;
  double slow = 0;
  double cancel_sum = 0;
  std::map<int, double> classes;
  for (int i = 0; i < kRequests; ++i) {
    const PlannedRequest planned = plan.Request(i);
    second += planned.entry == 1;
    cancelled += planned.cancel_after.has_value();
    slow += planned.reads_slowly;
    cancel_sum += planned.cancel_after.value_or(0);
    ++classes[planned.request.class_id()];
  }
  // Five standard errors.
  const double error = 5 * 0.5 / std::sqrt(kRequests);
  EXPECT_NEAR(second / kRequests, 0.1, error);
  EXPECT_NEAR(cancelled / kRequests, 0.1, error);
  EXPECT_NEAR(slow / kRequests, 0.05, error);
  EXPECT_NEAR(cancel_sum / cancelled, 0.5, 5 * 0.3 / std::sqrt(cancelled));
  ASSERT_EQ(classes.size(), 3u);
  for (const auto& [id, count] : classes) {
    EXPECT_NEAR(count / kRequests, 1.0 / 3, error) << id;
  }
}

TEST(LoadPlanTest, ARequestIsAFunctionOfTheSeedAndItsNumber) {
  LoadPlan::Options options;
  options.seed = 5;
  options.cancelled_share = 0.5;
  const LoadPlan plan({Entry(1), Entry(1)}, options);
  const LoadPlan again({Entry(1), Entry(1)}, options);
  options.seed = 6;
  const LoadPlan other({Entry(1), Entry(1)}, options);
  int different = 0;
  for (int i = 99; i >= 0; --i) {
    const PlannedRequest planned = plan.Request(i);
    EXPECT_EQ(planned.entry, again.Request(i).entry);
    EXPECT_EQ(planned.cancel_after, again.Request(i).cancel_after);
    EXPECT_EQ(planned.request.SerializeAsString(),
              again.Request(i).request.SerializeAsString());
    different += planned.entry != other.Request(i).entry;
  }
  EXPECT_GT(different, 0);
}

TEST(LoadPlanTest, NoTwoRequestsShareAnImagesSeed) {
  LoadPlan::Options options;
  options.seed = 1000;
  const LoadPlan plan({Entry(1, 1), Entry(1, 3)}, options);
  std::set<uint64_t> seeds;
  size_t images = 0;
  for (int i = 0; i < 100; ++i) {
    const v1::GenerateImageRequest request = plan.Request(i).request;
    for (int k = 0; k < request.image_count(); ++k, ++images) {
      seeds.insert(request.seed() + static_cast<uint64_t>(k));
    }
  }
  EXPECT_EQ(seeds.size(), images);
  EXPECT_EQ(*seeds.begin(), 1000u);
}

}  // namespace
}  // namespace cascade
