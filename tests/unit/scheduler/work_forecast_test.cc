#include "server/scheduler/work_forecast.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace cascade {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

JobWork Job(double work, int rank = 1, int tenant = 0, double due = 100) {
  return {.rank = rank,
          .tenant = tenant,
          .due = kNow + absl::Seconds(due),
          .work = absl::Seconds(work)};
}

// Two tenants; the second has three times the weight.
const std::vector<double> kWeights = {1, 3};

Forecast PredictFor(const JobWork& self, const std::vector<JobWork>& others,
                    double lanes = 1, double unloaded = 0) {
  return Predict({.others = others,
                  .self = self,
                  .unloaded = absl::Seconds(unloaded),
                  .lanes = lanes,
                  .weights = kWeights});
}

TEST(WorkForecastTest, AloneAJobTakesItsTimeOnAnIdleServer) {
  const Forecast forecast = PredictFor(Job(2), {}, /*lanes=*/4, /*unloaded=*/5);
  EXPECT_EQ(forecast.wait, absl::ZeroDuration());
  EXPECT_EQ(forecast.total, absl::Seconds(5));
}

TEST(WorkForecastTest, AJobOfManyImagesIsBoundByTheLanes) {
  const Forecast forecast =
      PredictFor(Job(40), {}, /*lanes=*/4, /*unloaded=*/5);
  EXPECT_EQ(forecast.total, absl::Seconds(10));
}

TEST(WorkForecastTest, MoreUrgentWorkGoesFirstAndTheRestDoesNotCount) {
  const Forecast forecast =
      PredictFor(Job(2), {Job(10, 0), Job(20, 0, 1), Job(100, 2)}, 2, 1);
  EXPECT_EQ(forecast.wait, absl::Seconds(15));
  EXPECT_EQ(forecast.total, absl::Seconds(16));
}

TEST(WorkForecastTest, OfOneTenantWhatIsDueEarlierGoesFirst) {
  const Forecast forecast =
      PredictFor(Job(1, 1, 0, 50),
                 {Job(10, 1, 0, 49), Job(3, 1, 0, 50), Job(7, 1, 0, 51)});
  EXPECT_EQ(forecast.wait, absl::Seconds(13));
  EXPECT_EQ(forecast.total, absl::Seconds(14));
}

TEST(WorkForecastTest, AnotherTenantGetsItsShareMeanwhile) {
  // 4 s of its own, so 12 s of the other one: of 100 s, or of the 5 s there
  // are.
  EXPECT_EQ(PredictFor(Job(4), {Job(100, 1, 1)}).total, absl::Seconds(16));
  EXPECT_EQ(PredictFor(Job(4), {Job(5, 1, 1)}).total, absl::Seconds(9));
  // When it is due does not matter, and a tenant without work starts at once.
  EXPECT_EQ(PredictFor(Job(4), {Job(100, 1, 1, 1)}).wait, absl::ZeroDuration());
  // The heavy one gives a third.
  EXPECT_EQ(PredictFor(Job(6, 1, 1), {Job(100)}).total, absl::Seconds(8));
}

TEST(WorkForecastTest, CompanyMakesAJobSlowerAsFarAsThereIsSome) {
  // Later work only: there is no wait, and 1 s alone, 4 s in full batches.
  const auto total = [](double later_work) {
    const std::vector<JobWork> others = {Job(later_work, 1, 0, 999)};
    return Predict({.others = others,
                    .self = Job(0.5),
                    .unloaded = absl::Seconds(1),
                    .loaded = absl::Seconds(4),
                    .lanes = 2,
                    .weights = kWeights})
        .total;
  };
  EXPECT_EQ(total(0), absl::Seconds(1));
  EXPECT_EQ(total(2), absl::Seconds(2.5));
  EXPECT_EQ(total(4), absl::Seconds(4));
  EXPECT_EQ(total(400), absl::Seconds(4));
}

// A server that does a quantum after the other by the rules.
class Quanta {
 public:
  Quanta(std::vector<JobWork> jobs, const std::vector<double>& weights)
      : jobs_(std::move(jobs)), weights_(weights), served_(weights.size()) {}

  // Of the last job.
  Forecast Run() {
    Forecast forecast = {.wait = absl::InfiniteDuration()};
    absl::Duration now;
    while (jobs_.back().work > absl::ZeroDuration()) {
      JobWork& next = *std::min_element(
          jobs_.begin(), jobs_.end(),
          [this](const JobWork& a, const JobWork& b) { return IsFirst(a, b); });
      if (&next == &jobs_.back()) forecast.wait = std::min(forecast.wait, now);
      next.work -= kQuantum;
      // Tenants share the time of their class only.
      if (next.rank == jobs_.back().rank) {
        const size_t tenant = static_cast<size_t>(next.tenant);
        served_[tenant] += kQuantum / weights_[tenant];
      }
      now += kQuantum;
    }
    forecast.total = now;
    return forecast;
  }

  static constexpr absl::Duration kQuantum = absl::Milliseconds(1);

 private:
  bool IsFirst(const JobWork& a, const JobWork& b) const {
    const bool a_waits = a.work > absl::ZeroDuration();
    const bool b_waits = b.work > absl::ZeroDuration();
    if (a_waits != b_waits) return a_waits;
    if (a.rank != b.rank) return a.rank < b.rank;
    if (a.tenant != b.tenant) {
      return served_[static_cast<size_t>(a.tenant)] <
             served_[static_cast<size_t>(b.tenant)];
    }
    return a.due < b.due;
  }

  std::vector<JobWork> jobs_;
  const std::vector<double>& weights_;
  std::vector<absl::Duration> served_;
};

class RandomWork {
 public:
  JobWork Job() {
    return {.rank = Below(3),
            .tenant = Below(3),
            .due = kNow + absl::Seconds(Below(100000)),
            .work = absl::Milliseconds(1 + Below(200))};
  }
  std::vector<JobWork> Jobs() {
    std::vector<JobWork> jobs(static_cast<size_t>(Below(12)));
    for (JobWork& job : jobs) job = Job();
    return jobs;
  }
  int Below(int n) {
    return static_cast<int>(random_() % static_cast<unsigned>(n));
  }

 private:
  std::mt19937 random_{3};
};

TEST(WorkForecastTest, AgreesWithASimulationOfTheRules) {
  const std::vector<double> weights = {1, 2, 0.5};
  // Each tenant may be off by a quantum over its weight, in the others' pace.
  const absl::Duration tolerance = 16 * Quanta::kQuantum;
  RandomWork random;
  for (int round = 0; round < 500; ++round) {
    std::vector<JobWork> jobs = random.Jobs();
    const JobWork self = random.Job();
    const Forecast forecast =
        Predict({.others = jobs, .self = self, .weights = weights});
    jobs.push_back(self);
    const Forecast simulated = Quanta(jobs, weights).Run();
    ASSERT_LE(absl::AbsDuration(forecast.wait - simulated.wait), tolerance)
        << "round " << round;
    ASSERT_LE(absl::AbsDuration(forecast.total - simulated.total), tolerance)
        << "round " << round;
  }
}

TEST(WorkForecastTest, IsMonotoneInEverything) {
  RandomWork random;
  for (int round = 0; round < 2000; ++round) {
    const std::vector<JobWork> others = random.Jobs();
    const std::vector<double> weights = {1, 2, 0.5};
    const ForecastInput input = {.others = others,
                                 .self = random.Job(),
                                 .unloaded = absl::Milliseconds(50),
                                 .loaded = absl::Milliseconds(300),
                                 .lanes = 2,
                                 .weights = weights};
    const Forecast forecast = Predict(input);
    const auto expect_no_less = [&](const ForecastInput& than,
                                    const char* what) {
      const Forecast other = Predict(than);
      ASSERT_GE(forecast.wait, other.wait) << what << ", round " << round;
      ASSERT_GE(forecast.total, other.total) << what << ", round " << round;
    };

    ForecastInput easier = input;
    if (!others.empty()) easier.others = easier.others.subspan(1);
    expect_no_less(easier, "without another job");
    easier = input;
    if (easier.self.rank > 0) --easier.self.rank;
    expect_no_less(easier, "of higher priority");
    easier = input;
    easier.self.due -= absl::Seconds(random.Below(50000));
    expect_no_less(easier, "due earlier");
    easier = input;
    easier.self.work /= 2;
    expect_no_less(easier, "with less work");
    easier = input;
    easier.lanes = 3;
    expect_no_less(easier, "with more lanes");
    easier = input;
    std::vector<double> heavier = weights;
    heavier[static_cast<size_t>(input.self.tenant)] *= 2;
    easier.weights = heavier;
    expect_no_less(easier, "with more weight");
  }
}

}  // namespace
}  // namespace cascade
