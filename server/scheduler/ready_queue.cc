#include "server/scheduler/ready_queue.h"

namespace cascade {
namespace {

ReadyQueue::Group GroupOf(const Image& image) {
  return {image.job->priority(), image.job->tenant, image.needs_credit};
}

}  // namespace

void ReadyQueue::Put(Image& image) {
  groups_[GroupOf(image)].emplace(std::pair(image.job->due, image.id), &image);
  ++size_;
}

void ReadyQueue::Take(Image& image) {
  const auto group = groups_.find(GroupOf(image));
  group->second.erase({image.job->due, image.id});
  if (group->second.empty()) groups_.erase(group);
  --size_;
}

}  // namespace cascade
