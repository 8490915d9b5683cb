#include "server/scheduler/step_policy.h"

#include <algorithm>
#include <utility>

namespace cascade {
namespace {

constexpr double kPatience = 2.0;
constexpr double kAsEfficient = 0.95;

struct Candidate {
  StepChoice choice;
  int rows = 0;
  double overdue = 0;  // From 1 on an image has waited too long.
  double efficiency = 0;
  absl::Duration path_work = absl::InfiniteDuration();
};

// How long an image has waited over how long it should at most.
double Overdue(const ImageView& image, const BatchCurve& curve,
               const LaneView& lane) {
  return absl::FDivDuration(
      image.waited,
      kPatience * std::max(lane.num_images, 1) * curve.StepTime(image.rows));
}

// Puts `image` into the batch if it fits. A single image always does.
bool Join(const ImageView& image, const StageView& stage, const LaneView& lane,
          Candidate& batch) {
  const bool fits = batch.rows == 0 ||
                    batch.rows + image.rows <= stage.curve->preferred_rows();
  if (!fits) return false;
  batch.rows += image.rows;
  batch.path_work = std::min(batch.path_work, image.path_work);
  batch.overdue = std::max(batch.overdue, Overdue(image, *stage.curve, lane));
  return true;
}

void JoinResident(const StageView& stage, const LaneView& lane,
                  Candidate& batch) {
  struct Place {
    const ImageView* image;
    double overdue;  // 0 until it is too long.
  };
  std::vector<Place> places;
  for (const ImageView& image : stage.resident) {
    const double overdue = Overdue(image, *stage.curve, lane);
    places.push_back({&image, overdue < 1 ? 0 : overdue});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    if (a.overdue != b.overdue) return a.overdue > b.overdue;
    if (a.image->stage_work != b.image->stage_work) {
      return a.image->stage_work < b.image->stage_work;
    }
    return a.image->image < b.image->image;
  });
  for (const Place& place : places) {
    if (!Join(*place.image, stage, lane, batch)) continue;
    batch.choice.resident.push_back(place.image->image);
  }
}

void JoinReady(const StageView& stage, const LaneView& lane, bool has_images,
               Candidate& batch) {
  // One for each idle lane stays; a lane without images gets one at least.
  int may_take = std::max(lane.num_ready - lane.idle_lanes, has_images ? 0 : 1);
  may_take = std::min(may_take, stage.free_slots);
  if (stage.stage.stage == 0) may_take = std::min(may_take, lane.may_begin);
  absl::Duration work = lane.lane_work;
  for (const ImageView& image : stage.ready) {
    if (may_take-- <= 0) return;
    const bool has_share = work >= lane.fair_work;
    const bool is_owed = (!has_images && batch.choice.ready.empty()) ||
                         Overdue(image, *stage.curve, lane) >= 1;
    if (has_share && !is_owed) return;
    if (!Join(image, stage, lane, batch)) return;
    work += image.stage_work;
    batch.choice.ready.push_back(image.image);
  }
}

bool IsBetter(const Candidate& a, const Candidate& b, double best_efficiency) {
  const bool a_overdue = a.overdue >= 1;
  const bool b_overdue = b.overdue >= 1;
  if (a_overdue != b_overdue) return a_overdue;
  if (a_overdue && a.overdue != b.overdue) return a.overdue > b.overdue;
  const bool a_efficient = a.efficiency >= kAsEfficient * best_efficiency;
  const bool b_efficient = b.efficiency >= kAsEfficient * best_efficiency;
  if (a_efficient != b_efficient) return a_efficient;
  if (a.path_work != b.path_work) return a.path_work < b.path_work;
  return a.choice.stage > b.choice.stage;
}

}  // namespace

std::optional<StepChoice> ChooseStep(const LaneView& lane) {
  const bool has_images =
      std::any_of(lane.stages.begin(), lane.stages.end(),
                  [](const StageView& s) { return !s.resident.empty(); });
  std::vector<Candidate> candidates;
  double best_efficiency = 0;
  for (const StageView& stage : lane.stages) {
    Candidate batch;
    batch.choice.stage = stage.stage;
    JoinResident(stage, lane, batch);
    JoinReady(stage, lane, has_images, batch);
    if (batch.rows == 0) continue;
    batch.efficiency = stage.curve->Efficiency(batch.rows);
    best_efficiency = std::max(best_efficiency, batch.efficiency);
    candidates.push_back(std::move(batch));
  }
  if (candidates.empty()) return std::nullopt;
  const auto best = std::min_element(
      candidates.begin(), candidates.end(),
      [best_efficiency](const Candidate& a, const Candidate& b) {
        return IsBetter(a, b, best_efficiency);
      });
  return std::move(best->choice);
}

}  // namespace cascade
