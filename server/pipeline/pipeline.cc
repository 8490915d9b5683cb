#include "server/pipeline/pipeline.h"

#include <utility>

#include "server/base/status_macros.h"

namespace cascade {

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Create(
    std::vector<std::shared_ptr<const CascadeModel>> models, int num_lanes,
    Metrics& metrics) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline());
  for (const auto& model : models) {
    ServedCascade& cascade = pipeline->cascades_.emplace_back();
    cascade.spec = std::make_shared<const CascadeSpec>(model->spec());
    cascade.stages.resize(cascade.spec->stages.size());
  }
  for (int index = 0; index < num_lanes; ++index) {
    auto lane = std::make_unique<Lane>(index, "cpu");
    for (size_t k = 0; k < models.size(); ++k) {
      const CascadeSpec& spec = models[k]->spec();
      for (const StageSpec& stage : spec.stages) {
        ASSIGN_OR_RETURN(std::unique_ptr<StageExecutor> executor,
                         models[k]->MakeExecutor(stage.index, lane->device()));
        pipeline->cascades_[k]
            .stages[static_cast<size_t>(stage.index)]
            .lanes[index] = {lane->device(), executor->limits()};
        lane->Add({static_cast<CascadeId>(k), stage.index}, models[k],
                  std::move(executor), metrics.Stage(spec.name, stage.name));
      }
    }
    pipeline->lanes_.push_back(std::move(lane));
  }
  return pipeline;
}

void Pipeline::Run(LaneWork& work) {
  for (const std::unique_ptr<Lane>& lane : lanes_) lane->Run(work);
}

}  // namespace cascade
