#include "server/scheduler/request_policy.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace cascade {
namespace {

// An image at its stage.
struct Member {
  const ImageView* image = nullptr;
  bool is_resident = false;
};

// A step of one stage, within its rows, slots and credits.
class Batch {
 public:
  Batch(const StageView& stage, int most_rows)
      : most_rows_(most_rows),
        free_slots_(stage.free_slots),
        credits_(stage.credits) {
    choice_.stage = stage.stage;
  }

  // Leaves out who does not fit. A single image always has the rows.
  void Join(const Member& member) {
    const ImageView& image = *member.image;
    if (rows_ > 0 && rows_ + image.rows > most_rows_) return;
    if (!member.is_resident && !Enter(image)) return;
    (member.is_resident ? choice_.resident : choice_.ready)
        .push_back(image.image);
    rows_ += image.rows;
    path_work_ = std::max(path_work_, image.path_work);
  }

  bool empty() const { return rows_ == 0; }
  // Of the image that is the farthest from its end.
  absl::Duration path_work() const { return path_work_; }
  StepChoice Take() { return std::move(choice_); }

 private:
  bool Enter(const ImageView& image) {
    if (free_slots_ == 0) return false;
    if (image.needs_credit) {
      if (credits_[static_cast<size_t>(image.rank)] <= 0) return false;
      for (int& credits : credits_) --credits;
    }
    --free_slots_;
    return true;
  }

  const int most_rows_;
  int free_slots_;
  std::vector<int> credits_;
  StepChoice choice_;
  int rows_ = 0;
  absl::Duration path_work_;
};

// Of the lane's group, those at a stage; the one farthest behind first.
std::vector<Member> GroupAt(const StageView& stage, int lane) {
  std::vector<Member> group;
  for (const ImageView& image : stage.resident) group.push_back({&image, true});
  for (const ImageView& image : stage.ready) {
    if (image.has_begun && image.last_lane == lane) group.push_back({&image});
  }
  std::sort(group.begin(), group.end(), [](const Member& a, const Member& b) {
    return std::tuple(b.image->stage_work, a.image->image) <
           std::tuple(a.image->stage_work, b.image->image);
  });
  return group;
}

// Who waits at a stage to be in a group, in the order of arrival.
std::vector<const ImageView*> QueueAt(const StageView& stage) {
  std::vector<const ImageView*> queue;
  for (const ImageView& image : stage.ready) {
    const bool is_taken = image.has_begun && image.last_lane >= 0;
    if (!is_taken) queue.push_back(&image);
  }
  std::sort(queue.begin(), queue.end(),
            [](const ImageView* a, const ImageView* b) {
              return a->image < b->image;
            });
  return queue;
}

std::optional<StepChoice> BeginGroup(const LaneView& lane) {
  std::optional<Batch> first;
  ImageId first_image;
  for (const StageView& stage : lane.stages) {
    const std::vector<const ImageView*> queue = QueueAt(stage);
    if (queue.empty()) continue;
    const ImageView& head = *queue.front();
    if (first.has_value() && first_image < head.image) continue;
    Batch batch(stage, stage.curve->preferred_rows());
    for (const ImageView* image : queue) {
      const bool is_alike = image->stage_work == head.stage_work &&
                            image->path_work == head.path_work &&
                            image->rows == head.rows;
      if (is_alike) batch.Join({image});
    }
    if (batch.empty()) continue;
    first.emplace(std::move(batch));
    first_image = head.image;
  }
  if (!first.has_value()) return std::nullopt;
  return first->Take();
}

}  // namespace

std::optional<StepChoice> ChooseWholeRequests(const LaneView& lane) {
  bool has_group = false;
  std::optional<Batch> last;  // The batch that is the farthest behind.
  for (const StageView& stage : lane.stages) {
    const std::vector<Member> group = GroupAt(stage, lane.lane);
    has_group = has_group || !group.empty();
    Batch batch(stage, stage.curve->max_rows());
    for (const Member& member : group) batch.Join(member);
    if (batch.empty()) continue;
    if (last.has_value() && last->path_work() >= batch.path_work()) continue;
    last.emplace(std::move(batch));
  }
  if (!has_group) return BeginGroup(lane);
  if (!last.has_value()) return std::nullopt;
  return last->Take();
}

}  // namespace cascade
