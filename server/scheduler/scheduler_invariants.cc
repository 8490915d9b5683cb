#include "server/scheduler/scheduler_invariants.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

absl::Status Broken(ImageId image, const std::string& rule) {
  return absl::InternalError(
      absl::StrCat("image ", image.index, " of job ", image.job, " ", rule));
}

// The lists that an image is in.
struct Lists {
  int ready = 0;
  int resident = 0;
  int leaving = 0;
};

absl::Status CheckImage(const ImageSnapshot& image, const Lists& lists) {
  const bool is_ready = image.place == ImagePlace::kReady;
  const bool is_resident = image.place == ImagePlace::kResident ||
                           image.place == ImagePlace::kStepping;
  const bool is_leaving = image.place == ImagePlace::kLeaving;
  if (lists.ready != (is_ready ? 1 : 0) ||
      lists.resident != (is_resident ? 1 : 0) ||
      lists.leaving != (is_leaving ? 1 : 0)) {
    return Broken(image.image, "is not in exactly the list of its place");
  }
  const bool waits = is_ready || image.place == ImagePlace::kResident;
  if (waits && image.job_ended) {
    return Broken(image.image, "waits although its job has ended");
  }
  return absl::OkStatus();
}

absl::Status CheckLane(const LaneStageSnapshot& lane) {
  const size_t holders = lane.resident.size() + lane.leaving.size();
  if (static_cast<int>(holders) == lane.slots_taken &&
      lane.slots_taken <= lane.slots) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat(
      "stage ", lane.stage.stage, " of lane ", lane.lane, " has ",
      lane.slots_taken, " of ", lane.slots, " slots taken by ", holders));
}

absl::Status CheckCounts(const SchedulerSnapshot& snapshot) {
  int queued = 0;
  int in_flight = 0;
  for (const ImageSnapshot& image : snapshot.images) {
    if (image.place == ImagePlace::kGone) continue;
    ++(image.begun ? in_flight : queued);
  }
  if (queued == snapshot.queued && in_flight == snapshot.in_flight &&
      static_cast<int>(snapshot.ready.size()) == snapshot.num_ready) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat(
      "counts are queued ", snapshot.queued, ", in flight ", snapshot.in_flight,
      ", ready ", snapshot.num_ready, "; there are ", queued, ", ", in_flight,
      ", ", snapshot.ready.size()));
}

}  // namespace

absl::Status CheckInvariants(const SchedulerSnapshot& snapshot) {
  std::map<ImageId, Lists> lists;
  for (const auto& [stage, image] : snapshot.ready) ++lists[image].ready;
  for (const LaneStageSnapshot& lane : snapshot.lanes) {
    if (absl::Status status = CheckLane(lane); !status.ok()) return status;
    for (const ImageId image : lane.resident) ++lists[image].resident;
    for (const ImageId image : lane.leaving) ++lists[image].leaving;
  }
  for (const ImageSnapshot& image : snapshot.images) {
    absl::Status status = CheckImage(image, lists[image.image]);
    if (!status.ok()) return status;
    lists.erase(image.image);
  }
  if (!lists.empty()) {
    return Broken(lists.begin()->first, "is listed, and there is no such one");
  }
  return CheckCounts(snapshot);
}

}  // namespace cascade
