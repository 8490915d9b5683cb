#include "server/pipeline/pipeline.h"

#include <utility>

#include "server/base/status_macros.h"

namespace cascade {

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Create(
    std::vector<const CascadeModel*> models, int num_lanes, Metrics& metrics) {
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int index = 0; index < num_lanes; ++index) {
    ASSIGN_OR_RETURN(std::unique_ptr<Lane> lane,
                     Lane::Create(index, models, metrics));
    lanes.push_back(std::move(lane));
  }
  return std::unique_ptr<Pipeline>(
      new Pipeline(std::move(models), std::move(lanes)));
}

Pipeline::Pipeline(std::vector<const CascadeModel*> models,
                   std::vector<std::unique_ptr<Lane>> lanes)
    : models_(std::move(models)), lanes_(std::move(lanes)) {}

std::vector<ServedCascade> Pipeline::cascades() const {
  std::vector<ServedCascade> cascades;
  for (size_t i = 0; i < models_.size(); ++i) {
    // All lanes are alike.
    cascades.push_back(
        {.spec = std::make_shared<const CascadeSpec>(models_[i]->spec()),
         .limits = lanes_.front()->limits()[i]});
  }
  return cascades;
}

void Pipeline::Run(LaneWork& work) {
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->Run(work);
}

}  // namespace cascade
