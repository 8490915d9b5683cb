#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/scheduler/job.h"
#include "server/scheduler/step_plan.h"

namespace cascade {

// The images that wait for a slot of one stage: those of each priority and
// tenant, and those that need a credit, for themselves, in the order in which
// they are due. So the first few of each are all that a decision has to look
// at, however many wait.
//
// Not thread-safe: the Scheduler's lock guards it.
class ReadyQueue {
 public:
  struct Group {
    int priority = 0;
    int tenant = 0;
    bool needs_credit = false;  // Each of them, to enter the stage.

    auto operator<=>(const Group&) const = default;
  };
  using Images = std::map<std::pair<absl::Time, ImageId>, Image*>;

  // What orders an image must not change while it is in the queue.
  void Put(Image& image);
  void Take(Image& image);

  bool empty() const { return groups_.empty(); }
  // None is empty.
  const std::map<Group, Images>& groups() const { return groups_; }
  size_t size() const { return size_; }

 private:
  std::map<Group, Images> groups_;
  size_t size_ = 0;
};

}  // namespace cascade
