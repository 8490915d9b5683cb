#include "server/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace cascade {
namespace {

using ::testing::ElementsAre;

// Lanes whose longest plan a test sets.
class WatchdogTest : public ::testing::Test {
 protected:
  absl::Duration Look() {
    MutexLock lock(mutex_);
    ++looks_;
    changed_.SignalAll();
    return longest_;
  }
  void Hear(bool is_alive, absl::Duration /*longest*/) {
    MutexLock lock(mutex_);
    heard_.push_back(is_alive);
  }
  // Sets it and waits until the watchdog has looked twice, the first of which
  // is done by then.
  void SetLongestAndAwaitALook(absl::Duration longest) {
    MutexLock lock(mutex_);
    longest_ = longest;
    const int looks = looks_ + 2;
    while (looks_ < looks) changed_.Wait(mutex_);
  }
  std::vector<bool> heard() {
    MutexLock lock(mutex_);
    return heard_;
  }

  Mutex mutex_;
  CondVar changed_;
  absl::Duration longest_ ABSL_GUARDED_BY(mutex_);
  int looks_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<bool> heard_ ABSL_GUARDED_BY(mutex_);
};

constexpr absl::Duration kLimit = absl::Milliseconds(4);

TEST_F(WatchdogTest, TellsEachChangeOnce) {
  Watchdog watchdog(
      kLimit, [this] { return Look(); },
      [this](bool is_alive, absl::Duration longest) {
        Hear(is_alive, longest);
      });
  SetLongestAndAwaitALook(kLimit);
  EXPECT_THAT(heard(), ElementsAre());
  SetLongestAndAwaitALook(kLimit + absl::Nanoseconds(1));
  SetLongestAndAwaitALook(absl::Hours(1));
  EXPECT_THAT(heard(), ElementsAre(false));
  SetLongestAndAwaitALook(absl::ZeroDuration());
  EXPECT_THAT(heard(), ElementsAre(false, true));
}

TEST_F(WatchdogTest, EndsAtOnce) {
  for (const absl::Duration limit :
       {absl::Hours(1), absl::InfiniteDuration()}) {
    Watchdog watchdog(
        limit, [this] { return Look(); },
        [this](bool is_alive, absl::Duration longest) {
          Hear(is_alive, longest);
        });
  }
  EXPECT_THAT(heard(), ElementsAre());
}

}  // namespace
}  // namespace cascade
