#include "server/scheduler/fair_share.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace cascade {
namespace {

FairShare Weights(double a, double b) {
  return FairShare({.named = {{"a", {.weight = a}}, {"b", {.weight = b}}}});
}

TEST(FairShareTest, EveryNameThatIsNotInTheTableIsTheDefaultTenant) {
  const FairShare share({.fallback = {.weight = 3, .max_images = 7},
                         .named = {{"team", {.max_images = 9}}}});
  EXPECT_EQ(share.num_tenants(), 2);
  for (const char* name : {"", "default", "unknown"}) {
    EXPECT_EQ(share.Index(name), 0) << name;
  }
  EXPECT_EQ(share.name(0), "default");
  EXPECT_EQ(share.limits(0).weight, 3);
  EXPECT_EQ(share.limits(0).max_images, 7);
  EXPECT_EQ(share.name(share.Index("team")), "team");
  EXPECT_EQ(share.limits(share.Index("team")).max_images, 9);
}

TEST(FairShareTest, TheDefaultTenantMayBeNamed) {
  const FairShare share({.fallback = {.max_images = 7},
                         .named = {{"default", {.max_images = 8}}}});
  EXPECT_EQ(share.num_tenants(), 1);
  EXPECT_EQ(share.limits(0).max_images, 8);
}

TEST(FairShareTest, CountsImagesAndDeviceTime) {
  FairShare share = Weights(1, 4);
  const int b = share.Index("b");
  share.Begin(b, 3);
  share.End(b, 1);
  share.Charge(b, absl::Seconds(8));
  EXPECT_EQ(share.images(b), 2);
  EXPECT_EQ(share.charged(b), absl::Seconds(8));
  EXPECT_EQ(share.images(0), 0);
}

TEST(FairShareTest, AheadIsDeviceTimeOverWeight) {
  FairShare share = Weights(1, 4);
  const int a = share.Index("a");
  const int b = share.Index("b");
  share.Begin(a, 1);
  share.Begin(b, 1);
  share.Charge(a, absl::Seconds(1));
  share.Charge(b, absl::Seconds(8));
  EXPECT_EQ(share.Ahead(a), absl::ZeroDuration());
  EXPECT_EQ(share.Ahead(b), absl::Seconds(1));
  EXPECT_EQ(share.Ahead(0), absl::ZeroDuration());  // Idle.
}

// Theorem 1 of the paper: over any time in which both have work, their device
// times over their weights differ by one charge of each at most.
TEST(FairShareTest, AlwaysActiveTenantsGetTimeInProportionToTheirWeights) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> cost(0.001, 0.1);
  for (const double weight : {1.0, 2.0, 7.5, 0.1}) {
    FairShare share = Weights(1, weight);
    const int a = share.Index("a");
    const int b = share.Index("b");
    share.Begin(a, 1);
    share.Begin(b, 1);
    for (int i = 0; i < 20000; ++i) {
      share.Charge(share.Ahead(a) <= share.Ahead(b) ? a : b,
                   absl::Seconds(cost(random)));
      const double gap = absl::ToDoubleSeconds(share.charged(a)) -
                         absl::ToDoubleSeconds(share.charged(b)) / weight;
      ASSERT_LE(std::abs(gap), 0.1 + 0.1 / weight) << "after charge " << i;
    }
    EXPECT_NEAR(absl::FDivDuration(share.charged(b), share.charged(a)), weight,
                0.01 * weight);
  }
}

TEST(FairShareTest, IdlenessEarnsNothing) {
  FairShare share = Weights(1, 1);
  const int a = share.Index("a");
  const int b = share.Index("b");
  share.Begin(a, 1);
  share.Charge(a, absl::Hours(1));
  share.Begin(b, 1);
  EXPECT_EQ(share.Ahead(a), absl::ZeroDuration());
  EXPECT_EQ(share.Ahead(b), absl::ZeroDuration());
}

TEST(FairShareTest, APauseForgivesNothingWhileOthersWait) {
  FairShare share = Weights(1, 1);
  const int a = share.Index("a");
  const int b = share.Index("b");
  share.Begin(a, 1);
  share.Begin(b, 1);
  share.Charge(a, absl::Seconds(10));
  share.End(a, 1);
  share.Begin(a, 1);
  EXPECT_EQ(share.Ahead(a), absl::Seconds(10));
}

TEST(FairShareTest, AfterAllWereIdleEverybodyIsEqual) {
  FairShare share = Weights(1, 1);
  const int a = share.Index("a");
  const int b = share.Index("b");
  share.Begin(a, 1);
  share.Charge(a, absl::Seconds(10));
  share.End(a, 1);
  share.Begin(b, 1);
  share.Begin(a, 1);
  EXPECT_EQ(share.Ahead(a), absl::ZeroDuration());
  EXPECT_EQ(share.Ahead(b), absl::ZeroDuration());
}

// Whoever comes and goes, a tenant that stays gets its share: time that others
// did not use is not made up for.
TEST(FairShareTest, OneThatComesAndGoesGetsNoMoreThanItsShareOfItsOwnTime) {
  std::mt19937 random(12);
  FairShare share = Weights(1, 1);
  const int a = share.Index("a");
  const int b = share.Index("b");
  share.Begin(a, 1);
  double a_while_both = 0;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 50 == 0) {
      if (share.images(b) == 0) {
        share.Begin(b, 1);
      } else {
        share.End(b, 1);
      }
    }
    const bool both = share.images(b) > 0;
    const bool runs_b = both && share.Ahead(b) < share.Ahead(a);
    share.Charge(runs_b ? b : a, absl::Seconds(1));
    if (both && !runs_b) a_while_both += 1;
  }
  EXPECT_GE(a_while_both, absl::ToDoubleSeconds(share.charged(b)));
}

}  // namespace
}  // namespace cascade
