#include "server/scheduler/lane_view.h"

#include <algorithm>
#include <cmath>

namespace cascade {
namespace {

// Tenants whose leads differ by less than this many steps are as good as even:
// a finer order would break batches up.
constexpr double kQuantumSteps = 2;

int RankOf(const Job& job) { return kNumPriorities - 1 - job.priority(); }

// Makes the views of one lane's images.
class Viewer {
 public:
  Viewer(const ImageBoard& board, const Ranking& ranking,
         absl::Duration quantum, absl::Time now)
      : board_(board), ranking_(ranking), quantum_(quantum), now_(now) {}

  ImageView View(const Image& image, absl::Time waits_since) const {
    const Job& job = *image.job;
    ImageView view;
    view.image = image.id;
    view.rows = job.stages[static_cast<size_t>(image.stage)].rows(image.line);
    view.rank = RankOf(job);
    const bool is_starved =
        ranking_.is_starved[static_cast<size_t>(job.priority())];
    view.effective_rank = is_starved ? -1 : view.rank;
    view.tenant_lead = static_cast<int>(
        absl::FDivDuration(ranking_.tenants->Ahead(job.tenant), quantum_));
    view.due = job.due;
    view.stage_work = board_.StageWork(image);
    view.path_work = board_.PathWork(image);
    view.waited = now_ - waits_since;
    view.needs_credit = image.needs_credit;
    view.has_begun = image.begun;
    const bool may_return =
        image.last_lane >= 0 &&
        board_.table().Runs(image.last_lane, {job.cascade, image.stage});
    view.last_lane = may_return ? image.last_lane : -1;
    return view;
  }

  StageView View(int lane, StageId stage) const {
    StageView view;
    view.stage = stage;
    view.curve = &board_.table().curve(lane, stage);
    view.free_slots = board_.free_slots(lane, stage);
    for (int rank = 0; rank < kNumPriorities; ++rank) {
      view.credits.push_back(
          board_.CreditsLeft(stage, kNumPriorities - 1 - rank));
    }
    for (const Image* image : board_.resident(lane, stage)) {
      view.resident.push_back(View(*image, image->last_step));
    }
    // More than these cannot be taken at once.
    const size_t enough = static_cast<size_t>(view.curve->preferred_rows());
    for (const auto& [group, images] : board_.ready(stage).groups()) {
      size_t count = 0;
      for (const auto& [key, image] : images) {
        if (count++ == enough && !ranking_.shows_all) break;
        const absl::Time since =
            std::max(image->ready_since, board_.last_take(stage));
        view.ready.push_back(View(*image, since));
      }
    }
    return view;
  }

 private:
  const ImageBoard& board_;
  const Ranking& ranking_;
  const absl::Duration quantum_;
  const absl::Time now_;
};

absl::Duration TenantQuantum(const StageTable& table, int lane) {
  absl::Duration longest = absl::Milliseconds(1);
  for (const StageId stage : table.stages_of(lane)) {
    const BatchCurve& curve = table.curve(lane, stage);
    longest = std::max(longest, curve.StepTime(curve.preferred_rows()));
  }
  return kQuantumSteps * longest;
}

// Whether lane `other` could take something that waits for lane `lane`, too.
bool CouldTake(const ImageBoard& board, int lane, int other) {
  const StageTable& table = board.table();
  const auto& stages = table.stages_of(lane);
  return std::any_of(stages.begin(), stages.end(), [&](StageId stage) {
    return table.Runs(other, stage) && board.free_slots(other, stage) > 0 &&
           board.NumEnterable(stage) > 0;
  });
}

}  // namespace

bool HasReadyImage(const ImageBoard& board, int lane) {
  const auto& stages = board.table().stages_of(lane);
  return std::any_of(stages.begin(), stages.end(), [&](StageId stage) {
    return !board.ready(stage).empty() && board.free_slots(lane, stage) > 0 &&
           board.NumEnterable(stage) > 0;
  });
}

LaneView MakeLaneView(const ImageBoard& board, int lane,
                      const std::vector<bool>& idle_lanes,
                      const Ranking& ranking, absl::Time now) {
  const StageTable& table = board.table();
  LaneView view;
  view.lane = lane;
  view.lane_work = board.LaneWork(lane);
  for (int other = 0; other < table.num_lanes(); ++other) {
    if (other == lane || !idle_lanes[static_cast<size_t>(other)]) continue;
    if (CouldTake(board, lane, other)) ++view.idle_lanes;
  }
  const Viewer viewer(board, ranking, TenantQuantum(table, lane), now);
  double ready_share = 0;
  for (const StageId stage : table.stages_of(lane)) {
    const int ready = board.NumEnterable(stage);
    view.num_ready += ready;
    ready_share += static_cast<double>(ready) / table.lanes_of(stage);
    view.fair_work += board.WorkAt(stage) / table.lanes_of(stage);
    view.stages.push_back(viewer.View(lane, stage));
  }
  view.num_images =
      board.num_resident(lane) + static_cast<int>(std::ceil(ready_share));
  return view;
}

}  // namespace cascade
