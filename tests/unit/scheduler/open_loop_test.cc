// What the real scheduler makes of requests that come whether or not others are
// done, in virtual time: mixed sizes, and more than it can do.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/base/error_reason.h"
#include "tests/support/virtual_server.h"

namespace cascade {
namespace {

constexpr int kLanes = 2;
constexpr int kRequests = 1200;
constexpr int kShort = 10;  // Steps in each stage.
constexpr int kLong = 100;

// Images per second of the best batches.
double Capacity(double steps) {
  double seconds = 0;
  for (const ScriptedStage& stage : BatchingStages()) {
    seconds +=
        steps * stage.costs.back().step_seconds / stage.costs.back().rows;
  }
  return kLanes / seconds;
}

// Of a short request alone.
absl::Duration Unloaded() {
  absl::Duration time;
  for (const ScriptedStage& stage : BatchingStages()) {
    time += kShort * absl::Seconds(stage.costs.front().step_seconds);
  }
  return time;
}

struct Load {
  int requests = kRequests;
  double per_second = 1;  // Poisson arrivals.
  double long_share = 0;
  absl::Duration time_budget = absl::InfiniteDuration();
};

struct Figures {
  std::map<int, std::vector<double>> latencies;  // Seconds, by steps.
  int in_time = 0;
  int late = 0;                        // Or given up.
  std::map<std::string, int> refused;  // By reason.
  int most_jobs = 0;                   // At the same time.
  double seconds = 0;                  // Until the last one was done.

  double Percentile(int steps, double part) {
    std::vector<double>& all = latencies[steps];
    std::sort(all.begin(), all.end());
    const double last = static_cast<double>(all.size() - 1);
    return all[static_cast<size_t>(std::lround(part * last))];
  }
};

class OpenLoop {
 public:
  OpenLoop(StepPolicyKind policy, const Load& load)
      : load_(load), server_(Options(policy)) {}

  Figures Run() {
    std::mt19937 random(21);
    std::exponential_distribution<double> gap(load_.per_second);
    std::bernoulli_distribution is_long(load_.long_share);
    const absl::Time start = server_.Now();
    absl::Time arrival = start;
    for (int i = 0; i < load_.requests; ++i) {
      arrival += absl::Seconds(gap(random));
      while (server_.Now() < arrival) Note(server_.Run(arrival));
      Submit(is_long(random) ? kLong : kShort);
    }
    while (server_.StartSteps()) Note(server_.Run());
    figures_.seconds = absl::ToDoubleSeconds(last_done_ - start);
    // What is neither refused nor done was given up.
    figures_.late += static_cast<int>(submitted_.size());
    return figures_;
  }

 private:
  struct Submitted {
    int steps = 0;
    absl::Time at;
  };

  static Scheduler::Options Options(StepPolicyKind policy) {
    Scheduler::Options options;
    options.num_lanes = kLanes;
    options.policy = policy;
    return options;
  }

  void Submit(int steps) {
    const absl::Time now = server_.Now();
    GenerationRequest request = server_.Request(steps);
    request.deadline = now + load_.time_budget;
    const absl::StatusOr<Admitted> admitted =
        server_.scheduler().Submit(std::move(request));
    if (!admitted.ok()) {
      ++figures_.refused[ErrorReason(admitted.status())];
      return;
    }
    submitted_[admitted->id] = {steps, now};
    const SchedulerSnapshot snapshot = server_.scheduler().Snapshot();
    figures_.most_jobs =
        std::max(figures_.most_jobs, static_cast<int>(snapshot.images.size()));
  }

  void Note(const std::vector<JobId>& done) {
    for (const JobId job : done) {
      const Submitted& submitted = submitted_.at(job);
      last_done_ = server_.Now();
      const absl::Duration took = last_done_ - submitted.at;
      figures_.latencies[submitted.steps].push_back(
          absl::ToDoubleSeconds(took));
      ++(took <= load_.time_budget ? figures_.in_time : figures_.late);
      submitted_.erase(job);
    }
  }

  const Load load_;
  VirtualServer server_;
  std::map<JobId, Submitted> submitted_;  // Not done.
  absl::Time last_done_;
  Figures figures_;
};

// Nine of ten requests are short, the others have ten times the steps.
TEST(OpenLoopTest, ShortRequestsDoNotWaitForLongOnes) {
  constexpr double kLongShare = 0.1;
  const double steps = kLongShare * kLong + (1 - kLongShare) * kShort;
  const Load load = {.per_second = 0.7 * Capacity(steps),
                     .long_share = kLongShare};
  Figures ours = OpenLoop(StepPolicyKind::kStep, load).Run();
  Figures theirs = OpenLoop(StepPolicyKind::kWholeRequest, load).Run();
  EXPECT_EQ(ours.in_time, kRequests);
  EXPECT_EQ(theirs.in_time, kRequests);
  EXPECT_LE(ours.Percentile(kShort, 0.99),
            0.5 * theirs.Percentile(kShort, 0.99));
  // The last ones to be done are long, and those may take longer.
  EXPECT_LE(ours.seconds, 1.02 * theirs.seconds);
}

// All at once: nothing batches better than whole requests of equal size.
TEST(OpenLoopTest, ShortRequestsGoFirstAtLittleCost) {
  const Load load = {.requests = 300, .per_second = 1e6, .long_share = 0.1};
  const Figures ours = OpenLoop(StepPolicyKind::kStep, load).Run();
  const Figures theirs = OpenLoop(StepPolicyKind::kWholeRequest, load).Run();
  EXPECT_EQ(ours.in_time, load.requests);
  EXPECT_EQ(theirs.in_time, load.requests);
  EXPECT_LE(ours.seconds, 1.05 * theirs.seconds);
}

// Twice the capacity, and 20 times the time that a request takes alone.
TEST(OpenLoopTest, OverloadCostsNeitherGoodputNorDeadlines) {
  const double capacity = Capacity(kShort);
  const Load load = {.per_second = 2 * capacity,
                     .time_budget = 20 * Unloaded()};
  Figures figures = OpenLoop(StepPolicyKind::kStep, load).Run();
  EXPECT_GE(figures.in_time / figures.seconds, 0.9 * capacity);
  EXPECT_LE(figures.late, 0.01 * (figures.in_time + figures.late));
  EXPECT_EQ(figures.refused["DEADLINE_AT_RISK"],
            kRequests - figures.in_time - figures.late);
  // No more than can be done in the time.
  EXPECT_LE(figures.most_jobs,
            capacity * absl::ToDoubleSeconds(load.time_budget));
}

// Tight budgets leave less room for batches, and still nobody is disappointed.
TEST(OpenLoopTest, WhoIsAdmittedIsDoneInTimeWhateverTheBudget) {
  for (const double times : {5.0, 10.0}) {
    const Load load = {.per_second = 2 * Capacity(kShort),
                       .time_budget = times * Unloaded()};
    Figures figures = OpenLoop(StepPolicyKind::kStep, load).Run();
    EXPECT_LE(figures.late, 0.01 * (figures.in_time + figures.late))
        << times << " times the unloaded time";
  }
}

}  // namespace
}  // namespace cascade
