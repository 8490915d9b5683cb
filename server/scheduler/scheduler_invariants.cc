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
  int parking = 0;
};

absl::Status CheckImage(const ImageSnapshot& image, const Lists& lists) {
  const bool is_ready = image.place == ImagePlace::kReady;
  const bool is_resident = image.place == ImagePlace::kResident ||
                           image.place == ImagePlace::kStepping;
  const bool is_leaving = image.place == ImagePlace::kLeaving;
  const bool is_parking = image.place == ImagePlace::kParking;
  if (lists.ready != (is_ready ? 1 : 0) ||
      lists.resident != (is_resident ? 1 : 0) ||
      lists.leaving != (is_leaving ? 1 : 0) ||
      lists.parking != (is_parking ? 1 : 0)) {
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

// Each stage's credits and work are those of its images, and the credits within
// their limit.
absl::Status CheckStages(const SchedulerSnapshot& snapshot) {
  std::map<StageId, int> inboxes;
  std::map<StageId, int64_t> rows;
  for (const ImageSnapshot& image : snapshot.images) {
    if (image.place == ImagePlace::kGone) {
      if (image.holds_credit)
        return Broken(image.image, "is gone with a credit");
      continue;
    }
    rows[image.stage] += image.rows_left;
    if (!image.holds_credit) continue;
    // One that waits for a stage has a place in its inbox, others one in that
    // of the stage above.
    const bool waits = image.place == ImagePlace::kReady && !image.is_parked;
    ++inboxes[{image.stage.cascade, image.stage.stage + (waits ? 0 : 1)}];
  }
  for (const StageSnapshot& stage : snapshot.stages) {
    if (stage.inbox != inboxes[stage.stage] ||
        stage.inbox > stage.inbox_limit ||
        stage.rows_left != rows[stage.stage]) {
      return absl::InternalError(absl::StrCat(
          "stage ", stage.stage.stage, " of cascade ", stage.stage.cascade,
          " counts ", stage.inbox, " credits of ", stage.inbox_limit, " and ",
          stage.rows_left, " rows; its images have ", inboxes[stage.stage],
          " and ", rows[stage.stage]));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCounts(const SchedulerSnapshot& snapshot) {
  int queued = 0;
  int in_flight = 0;
  for (const ImageSnapshot& image : snapshot.images) {
    if (image.place == ImagePlace::kGone) continue;
    ++(image.begun ? in_flight : queued);
  }
  if (queued == snapshot.queued && in_flight == snapshot.in_flight) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat(
      "counts are queued ", snapshot.queued, ", in flight ", snapshot.in_flight,
      "; there are ", queued, ", ", in_flight));
}

}  // namespace

absl::Status CheckInvariants(const SchedulerSnapshot& snapshot) {
  std::map<ImageId, Lists> lists;
  for (const auto& [stage, image] : snapshot.ready) ++lists[image].ready;
  for (const LaneStageSnapshot& lane : snapshot.lanes) {
    if (absl::Status status = CheckLane(lane); !status.ok()) return status;
    for (const ImageId image : lane.resident) ++lists[image].resident;
    for (const ImageId image : lane.leaving) ++lists[image].leaving;
    for (const ImageId image : lane.parking) ++lists[image].parking;
  }
  for (const ImageSnapshot& image : snapshot.images) {
    absl::Status status = CheckImage(image, lists[image.image]);
    if (!status.ok()) return status;
    lists.erase(image.image);
  }
  if (!lists.empty()) {
    return Broken(lists.begin()->first, "is listed, and there is no such one");
  }
  if (absl::Status status = CheckStages(snapshot); !status.ok()) return status;
  return CheckCounts(snapshot);
}

}  // namespace cascade
