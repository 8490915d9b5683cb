#include "server/scheduler/step_policy.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace cascade {
namespace {

// How much longer a step may take for its best images because of worse ones.
constexpr double kCourtesy = 2.0;
constexpr double kAsEfficient = 0.95;

// An image with all that orders it.
struct Contender {
  const ImageView* image = nullptr;
  bool is_resident = false;
  double overdue = 0;  // From 1 on it has waited too long; 0 below.

  // Smaller goes first.
  auto Order() const {
    return std::tuple(image->effective_rank, image->tenant_lead, image->due,
                      image->stage_work, !is_resident, image->image);
  }
};

struct Candidate {
  StepChoice choice;
  Contender best;
  int rows = 0;
  double overdue = 0;  // The longest wait in it, as Contender has it.
  double efficiency = 0;
  absl::Duration path_work = absl::InfiniteDuration();
};

Contender Contend(const ImageView& image, bool is_resident,
                  const StageView& stage, const LaneView& lane) {
  const double overdue =
      absl::FDivDuration(image.waited, std::max(lane.num_images, 1) *
                                           stage.curve->StepTime(image.rows));
  return {&image, is_resident, overdue < 1 ? 0 : overdue};
}

// Everyone who could be in the stage's batch, the first in line first.
std::vector<Contender> LineUp(const StageView& stage, const LaneView& lane) {
  std::vector<Contender> line;
  line.reserve(stage.resident.size() + stage.ready.size());
  for (const ImageView& image : stage.resident) {
    line.push_back(Contend(image, true, stage, lane));
  }
  for (const ImageView& image : stage.ready) {
    line.push_back(Contend(image, false, stage, lane));
  }
  std::sort(line.begin(), line.end(),
            [](const Contender& a, const Contender& b) {
              return a.Order() < b.Order();
            });
  return line;
}

// Puts a stage's batch together.
class BatchBuilder {
 public:
  BatchBuilder(const StageView& stage, const LaneView& lane, bool lane_is_empty)
      : stage_(stage),
        lane_(lane),
        lane_is_empty_(lane_is_empty),
        credits_(stage.credits),
        free_slots_(stage.free_slots),
        // One for each idle lane stays; a lane without images gets one at
        // least.
        may_take_(
            std::max(lane.num_ready - lane.idle_lanes, lane_is_empty ? 1 : 0)),
        work_(lane.lane_work) {
    batch_.choice.stage = stage.stage;
  }

  Candidate Build() {
    line_ = LineUp(stage_, lane_);
    for (const Contender& contender : line_) {
      if (!Fits(contender)) continue;
      if (contender.is_resident) {
        if (IsParked(contender)) continue;
        Join(contender);
        batch_.choice.resident.push_back(contender.image->image);
      } else if (MayEnter(contender)) {
        Enter(contender);
      }
    }
    if (batch_.rows > 0)
      batch_.efficiency = stage_.curve->Efficiency(batch_.rows);
    return std::move(batch_);
  }

 private:
  // A single image always does.
  bool Fits(const Contender& contender) const {
    if (batch_.rows == 0) return true;
    const int rows = batch_.rows + contender.image->rows;
    if (rows > stage_.curve->preferred_rows()) return false;
    return IsOfBestRank(contender) ||
           stage_.curve->StepTime(rows) <=
               kCourtesy * stage_.curve->StepTime(best_rank_rows_);
  }

  bool IsOfBestRank(const Contender& contender) const {
    return contender.image->effective_rank == batch_.best.image->effective_rank;
  }

  bool MayEnter(const Contender& contender) {
    const ImageView& image = *contender.image;
    if (may_take_ <= 0) return false;
    const bool is_owed = (lane_is_empty_ && batch_.choice.ready.empty()) ||
                         contender.overdue >= 1;
    if (work_ >= lane_.fair_work && !is_owed) return false;
    if (image.needs_credit && Credits(image) <= 0) return false;
    return free_slots_ > 0 || FindVictim(contender) != nullptr;
  }

  void Enter(const Contender& contender) {
    const ImageView& image = *contender.image;
    if (free_slots_ > 0) {
      --free_slots_;
    } else {
      batch_.choice.parked.push_back(FindVictim(contender)->image);
    }
    --may_take_;
    // A credit that is taken is missing for all ranks.
    if (image.needs_credit) {
      for (int& credits : credits_) --credits;
    }
    work_ += image.stage_work;
    Join(contender);
    batch_.choice.ready.push_back(image.image);
  }

  void Join(const Contender& contender) {
    if (batch_.rows == 0) batch_.best = contender;
    batch_.rows += contender.image->rows;
    batch_.overdue = std::max(batch_.overdue, contender.overdue);
    if (IsOfBestRank(contender)) best_rank_rows_ = batch_.rows;
    batch_.path_work = std::min(batch_.path_work, contender.image->path_work);
  }

  int Credits(const ImageView& image) const {
    // One that has waited for too long may use what the best rank may.
    return credits_[static_cast<size_t>(
        std::max(0, std::min(image.rank, image.effective_rank)))];
  }

  bool IsParked(const Contender& contender) const {
    return Contains(batch_.choice.parked, contender);
  }

  static bool Contains(const std::vector<ImageId>& images,
                       const Contender& contender) {
    return std::find(images.begin(), images.end(), contender.image->image) !=
           images.end();
  }

  // The last in line whose slot this one may have.
  const ImageView* FindVictim(const Contender& newcomer) const {
    for (auto last = line_.rbegin(); last != line_.rend(); ++last) {
      if (!last->is_resident || last->image->rank <= newcomer.image->rank) {
        continue;
      }
      if (IsParked(*last) || Contains(batch_.choice.resident, *last)) continue;
      return last->image;
    }
    return nullptr;
  }

  const StageView& stage_;
  const LaneView& lane_;
  const bool lane_is_empty_;
  std::vector<int> credits_;
  int free_slots_;
  int may_take_;
  absl::Duration work_;
  std::vector<Contender> line_;
  Candidate batch_;
  int best_rank_rows_ = 0;  // These come first in the batch.
};

// What no efficiency outweighs.
auto Claim(const Candidate& batch) {
  const Contender& best = batch.best;
  return std::tuple(best.image->effective_rank, best.image->tenant_lead,
                    -batch.overdue);
}

}  // namespace

std::optional<StepChoice> ChooseStep(const LaneView& lane) {
  const bool lane_is_empty =
      std::all_of(lane.stages.begin(), lane.stages.end(),
                  [](const StageView& s) { return s.resident.empty(); });
  std::vector<Candidate> candidates;
  for (const StageView& stage : lane.stages) {
    Candidate batch = BatchBuilder(stage, lane, lane_is_empty).Build();
    if (batch.rows > 0) candidates.push_back(std::move(batch));
  }
  if (candidates.empty()) return std::nullopt;
  const auto strongest =
      Claim(*std::min_element(candidates.begin(), candidates.end(),
                              [](const Candidate& a, const Candidate& b) {
                                return Claim(a) < Claim(b);
                              }));
  std::erase_if(candidates, [&strongest](const Candidate& batch) {
    return Claim(batch) != strongest;
  });
  double best_efficiency = 0;
  for (const Candidate& batch : candidates) {
    best_efficiency = std::max(best_efficiency, batch.efficiency);
  }
  const auto order = [best_efficiency](const Candidate& batch) {
    return std::tuple(batch.efficiency < kAsEfficient * best_efficiency,
                      batch.best.image->due, batch.path_work,
                      // Of equal ones the higher stage: it frees memory.
                      -batch.choice.stage.stage, batch.choice.stage);
  };
  const auto best =
      std::min_element(candidates.begin(), candidates.end(),
                       [&order](const Candidate& a, const Candidate& b) {
                         return order(a) < order(b);
                       });
  return std::move(best->choice);
}

}  // namespace cascade
