#include "client/load_timer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;

TEST(LoadTimerTest, RunsActionsByTimeAndThenByAge) {
  std::vector<int> order;
  absl::Notification added;
  absl::Notification done;
  LoadTimer timer;
  timer.At(absl::InfinitePast(), [&] { added.WaitForNotification(); });
  const absl::Time now = absl::Now();
  timer.At(now + absl::Milliseconds(1), [&] { done.Notify(); });
  timer.At(now, [&] { order.push_back(3); });
  timer.At(now, [&] { order.push_back(4); });
  timer.At(now - absl::Seconds(1), [&] { order.push_back(2); });
  timer.At(now - absl::Seconds(2), [&] { order.push_back(1); });
  added.Notify();
  done.WaitForNotification();
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4));
}

TEST(LoadTimerTest, AnActionMayAddAnother) {
  absl::Notification done;
  LoadTimer timer;
  timer.At(absl::Now(),
           [&] { timer.At(absl::Now(), [&done] { done.Notify(); }); });
  done.WaitForNotification();
}

TEST(LoadTimerTest, TheEndDropsWhatIsNotDue) {
  const auto alive = std::make_shared<int>(0);
  {
    LoadTimer timer;
    timer.At(absl::InfiniteFuture(), [alive] { ++*alive; });
    timer.At(absl::Now() + absl::Hours(1), [alive] { ++*alive; });
    EXPECT_EQ(alive.use_count(), 3);
  }
  EXPECT_EQ(*alive, 0);
  EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace cascade
