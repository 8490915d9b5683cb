// Random cancels in the real scheduler and lanes: no step follows one.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "tests/support/scripted_engine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stream_reader.h"

namespace cascade {
namespace {

constexpr int kLanes = 2;
// More images than slots, so that each lane always finds a step to run.
constexpr size_t kAlive = 48;

// Requests of one image each, whose seed is `seed`.
struct Submitted {
  uint64_t seed = 0;
  Admitted job;
};

// An engine whose lanes stand still between two calls, each inside of a step.
class StandingEngine {
 public:
  StandingEngine() { script_.BlockSteps(); }
  ~StandingEngine() { script_.UnblockSteps(); }

  // Submits as many requests as are missing, and lets `steps` steps go on.
  void Advance(int steps) {
    for (size_t alive = Alive().size(); alive < kAlive; ++alive) {
      const auto job =
          engine_.scheduler().Submit(MakeRequest(cascade_.spec(), ++seed_));
      ASSERT_OK(job);
      requests_[job->id] = {seed_, *job};
    }
    script_.AllowSteps(steps);
    passed_ += steps;
    // Each that goes on is followed by another.
    script_.AwaitSteps(passed_ + kLanes);
    script_.AwaitBlockedSteps(kLanes);
  }

  Submitted CancelOne(std::mt19937& random) {
    const std::vector<JobId> alive = Alive();
    const JobId job = alive[random() % alive.size()];
    engine_.scheduler().Cancel(job, absl::CancelledError("random"));
    return requests_[job];
  }

  int num_steps() const { return passed_ + kLanes; }

  // Runs everything to its end, and returns all steps.
  std::vector<ScriptedStep> Finish() {
    script_.UnblockSteps();
    engine_.scheduler().WaitUntilIdle(absl::InfiniteFuture());
    script_.AwaitNoSlots();
    return script_.steps();
  }

 private:
  static Scheduler::Options Lanes() {
    Scheduler::Options options;
    options.num_lanes = kLanes;
    return options;
  }

  std::vector<JobId> Alive() {
    std::vector<JobId> jobs;
    for (const ImageSnapshot& image : engine_.scheduler().Snapshot().images) {
      if (!image.job_ended) jobs.push_back(image.image.job);
    }
    return jobs;
  }

  const ScriptedCascade cascade_{
      "c",
      {{.resolution = 8, .slots = 8, .batch_rows = {1, 2, 4}},
       {.resolution = 16, .slots = 4, .batch_rows = {1, 2}}}};
  Script& script_ = cascade_.script();
  ScriptedEngine engine_{{&cascade_}, Lanes()};
  std::map<JobId, Submitted> requests_;
  uint64_t seed_ = 0;
  int passed_ = 0;
};

TEST(EngineRandomTest, NoStepIsSubmittedAfterACancel) {
  constexpr int kCancels = 1000;
  std::mt19937 random(5);
  StandingEngine engine;
  std::map<uint64_t, int> cancelled_at;  // Seed to the steps before.
  std::vector<Admitted> cancelled;
  for (int i = 0; i < kCancels; ++i) {
    engine.Advance(static_cast<int>(random() % 6));
    const Submitted request = engine.CancelOne(random);
    cancelled_at[request.seed] = engine.num_steps();
    cancelled.push_back(request.job);
  }
  const std::vector<ScriptedStep> steps = engine.Finish();

  ASSERT_EQ(cancelled_at.size(), size_t{kCancels});
  for (const Admitted& job : cancelled) {
    EXPECT_EQ(StreamReader(job.events).ReadAll().code(),
              absl::StatusCode::kCancelled);
  }
  std::map<uint64_t, int> steps_before;
  int steps_after = 0;
  for (int i = 0; i < static_cast<int>(steps.size()); ++i) {
    for (const uint64_t seed : steps[static_cast<size_t>(i)].image_seeds) {
      const auto cancel = cancelled_at.find(seed);
      if (cancel == cancelled_at.end()) continue;
      if (i >= cancel->second) ++steps_after;
      ++steps_before[seed];
    }
  }
  // They came at every point: in the queue, and with work done.
  EXPECT_GT(steps_before.size(), size_t{kCancels / 10});
  EXPECT_LT(steps_before.size(), size_t{kCancels * 9 / 10});
  EXPECT_EQ(steps_after, 0);
  RecordProperty("cancels", kCancels);
  RecordProperty("cancelled_with_steps_done",
                 static_cast<int>(steps_before.size()));
  RecordProperty("steps_after_cancel", steps_after);
}

}  // namespace
}  // namespace cascade
