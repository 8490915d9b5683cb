#include "server/cascade_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/plain_encoder.h"
#include "tests/support/scripted_cascade.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/stream_reader.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class CascadeHostTest : public ::testing::Test {
 protected:
  // A package of its own for version `version` of "c".
  std::shared_ptr<const ScriptedCascade> Package(char version) {
    auto model = std::make_shared<const ScriptedCascade>(
        "c", std::vector<ScriptedStage>{{.resolution = 8}}, version);
    engine_.PutPackage(std::string(1, version), model);
    return model;
  }
  absl::StatusOr<LoadedVersion> Load(char package, bool replace = false,
                                     bool drain_first = false) {
    LoadOrder order;
    order.source.name = "c";
    order.source.package = std::string(1, package);
    order.replace = replace;
    order.drain_first = drain_first;
    return host().Load(order);
  }
  CascadeHost& host() { return engine_.host(); }
  // "c/1 a", "c/2 b retired": name, id, first letter of the digest.
  std::vector<std::string> Versions() {
    std::vector<std::string> versions;
    for (const LoadedVersion& version : host().ListVersions()) {
      versions.push_back(version.name + "/" + std::to_string(version.id) + " " +
                         version.digest[0] +
                         (version.retired ? " retired" : ""));
    }
    return versions;
  }
  Admitted Submit(const ScriptedCascade& model) {
    auto job = engine_.scheduler().Submit(MakeRequest(model.spec()));
    EXPECT_OK(job);
    return *job;
  }

  void Hear(const std::string& name, bool serves) {
    MutexLock lock(mutex_);
    names_.push_back(name + (serves ? " serves" : " is gone"));
    heard_.SignalAll();
  }
  // Blocks until the host has told of that many names.
  std::vector<std::string> AwaitNames(size_t count) {
    MutexLock lock(mutex_);
    while (names_.size() < count) heard_.Wait(mutex_);
    return names_;
  }

  Mutex mutex_;
  CondVar heard_;
  std::vector<std::string> names_ ABSL_GUARDED_BY(mutex_);
  ScriptedEngine engine_{
      {},
      Scheduler::Options(),
      RealClock(),
      1024,
      [this](const std::string& name, bool serves) { Hear(name, serves); }};
};

TEST_F(CascadeHostTest, ServesWhatItLoads) {
  const auto model = Package('a');
  const auto version = Load('a');
  ASSERT_OK(version);
  EXPECT_EQ(version->digest, std::string(64, 'a'));
  EXPECT_EQ(version->package, "a");
  EXPECT_THAT(Versions(), ElementsAre("c/1 a"));
  EXPECT_THAT(AwaitNames(1), ElementsAre("c serves"));
  EXPECT_OK(StreamReader(Submit(*model).events).ReadAll());
}

TEST_F(CascadeHostTest, ALoadedNameIsRefusedUnlessItIsReplaced) {
  Package('a');
  Package('b');
  ASSERT_OK(Load('a'));
  EXPECT_THAT(Load('b'),
              HasReason(absl::StatusCode::kAlreadyExists, kCascadeExists));
  EXPECT_THAT(Versions(), ElementsAre("c/1 a"));
}

TEST_F(CascadeHostTest, ReplacesAfterTheLastJobOfTheOldVersion) {
  const auto old = Package('a');
  const auto next = Package('b');
  ASSERT_OK(Load('a'));
  old->script().BlockSteps();
  const Admitted running = Submit(*old);
  old->script().AwaitBlockedSteps(1);
  std::thread replacing([this] { EXPECT_OK(Load('b', /*replace=*/true)); });
  AwaitNames(2);
  // The one lane is still in the old version's step.
  const Admitted job = Submit(*next);
  EXPECT_THAT(Versions(), ElementsAre("c/1 a retired", "c/2 b"));
  old->script().UnblockSteps();
  EXPECT_OK(StreamReader(running.events).ReadAll());
  EXPECT_OK(StreamReader(job.events).ReadAll());
  replacing.join();
  EXPECT_THAT(Versions(), ElementsAre("c/2 b"));
  EXPECT_EQ(old->script().num_executors(), 0);
  EXPECT_THAT(old->script().steps(), SizeIs(4));
  EXPECT_THAT(next->script().steps(), SizeIs(4));
}

TEST_F(CascadeHostTest, ABadPackageLeavesTheOldVersionServing) {
  const auto old = Package('a');
  ASSERT_OK(Load('a'));
  EXPECT_THAT(Load('x', /*replace=*/true),
              HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Versions(), ElementsAre("c/1 a"));
  EXPECT_OK(StreamReader(Submit(*old).events).ReadAll());
}

TEST_F(CascadeHostTest, DrainFirstUnloadsTheOldVersionBeforeItLoads) {
  const auto old = Package('a');
  ASSERT_OK(Load('a'));
  // Loading 'x' fails, but only after 'a' has gone.
  EXPECT_THAT(Load('x', /*replace=*/true, /*drain_first=*/true),
              HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Versions(), IsEmpty());
  EXPECT_EQ(old->script().num_executors(), 0);
  EXPECT_THAT(AwaitNames(2), ElementsAre("c serves", "c is gone"));
  Package('b');
  ASSERT_OK(Load('b', /*replace=*/true, /*drain_first=*/true));
  EXPECT_THAT(Versions(), ElementsAre("c/3 b"));
}

TEST_F(CascadeHostTest, UnloadFreesTheNameAndTheMemory) {
  const auto model = Package('a');
  ASSERT_OK(Load('a'));
  EXPECT_OK(host().Unload("c"));
  EXPECT_THAT(AwaitNames(2), ElementsAre("c serves", "c is gone"));
  EXPECT_EQ(model->script().num_executors(), 0);
  EXPECT_THAT(engine_.scheduler().Submit(MakeRequest(model->spec())),
              HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(host().Unload("c"),
              HasReason(absl::StatusCode::kNotFound, kCascadeNotFound));
  EXPECT_OK(Load('a'));
}

TEST_F(CascadeHostTest, MetricsNameTheVersionThatServes) {
  Package('a');
  Package('b');
  ASSERT_OK(Load('a'));
  ASSERT_OK(Load('b', /*replace=*/true));
  const std::string digest_a = "digest=\"" + std::string(64, 'a');
  const std::string digest_b = "digest=\"" + std::string(64, 'b');
  EXPECT_THAT(engine_.metrics().Text(), Not(HasSubstr(digest_a)));
  EXPECT_THAT(engine_.metrics().Text(), HasSubstr(digest_b));
  EXPECT_OK(host().Unload("c"));
  EXPECT_THAT(engine_.metrics().Text(), Not(HasSubstr(digest_b)));
}

TEST_F(CascadeHostTest, ADrainingHostLoadsNothing) {
  Package('a');
  ASSERT_OK(Load('a'));
  host().Drain();
  EXPECT_THAT(Load('a', /*replace=*/true, /*drain_first=*/true),
              HasReason(absl::StatusCode::kUnavailable, kDraining));
  EXPECT_THAT(Versions(), ElementsAre("c/1 a"));
}

// A cascade that tells of each executor before it is made.
class TellingCascade : public ScriptedCascade {
 public:
  explicit TellingCascade(absl::AnyInvocable<void() const> on_executor)
      : ScriptedCascade("c", {{.resolution = 8}}),
        on_executor_(std::move(on_executor)) {}

  absl::StatusOr<std::unique_ptr<StageExecutor>> MakeExecutor(
      int stage_index, const std::string& device) const override {
    on_executor_();
    return ScriptedCascade::MakeExecutor(stage_index, device);
  }

 private:
  const absl::AnyInvocable<void() const> on_executor_;
};

TEST_F(CascadeHostTest, ADrainStopsALoadBeforeItsExecutorsAreMade) {
  int executors = 0;
  engine_.PutPackage(
      "a", std::make_shared<const TellingCascade>([&] { ++executors; }));
  engine_.CallInNextRead([this] { host().Drain(); });
  EXPECT_THAT(Load('a'), HasReason(absl::StatusCode::kUnavailable, kDraining));
  EXPECT_EQ(executors, 0);
}

TEST_F(CascadeHostTest, ADrainStopsALoadBeforeItServes) {
  const auto model =
      std::make_shared<const TellingCascade>([this] { host().Drain(); });
  engine_.PutPackage("a", model);
  EXPECT_THAT(Load('a'), HasReason(absl::StatusCode::kUnavailable, kDraining));
  EXPECT_EQ(model->script().num_executors(), 0);
  EXPECT_THAT(Versions(), IsEmpty());
  EXPECT_THAT(engine_.scheduler().Submit(MakeRequest(model->spec())),
              HasCode(absl::StatusCode::kNotFound));
}

TEST_F(CascadeHostTest, AWaitForTheLastJobEndsWithTheServer) {
  const auto model = Package('a');
  ASSERT_OK(Load('a'));
  model->script().BlockSteps();
  Submit(*model);
  model->script().AwaitBlockedSteps(1);
  std::thread unloading([this] {
    EXPECT_THAT(host().Unload("c"),
                HasReason(absl::StatusCode::kUnavailable, kShutDown));
  });
  AwaitNames(2);
  engine_.scheduler().Shutdown();
  unloading.join();
  model->script().UnblockSteps();
}

}  // namespace
}  // namespace cascade
