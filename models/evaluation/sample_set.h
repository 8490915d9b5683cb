#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "models/evaluation/cascade_sampler.h"
#include "models/training/image_folder.h"

namespace cascade {

// Generated images of each stage, with the classes that were asked for.
struct SampleSet {
  std::vector<ImageSet> stages;
};

// Draws `count` images, class i mod the number of classes, seed first_seed + i.
// `threads` threads share the work; `report` gets a line now and then, from one
// of them.
absl::StatusOr<SampleSet> DrawSampleSet(
    const CascadeModel& model, const std::vector<StageSampling>& sampling,
    int64_t count, uint64_t first_seed, int threads,
    const std::function<void(const std::string&)>& report);

// How well each stage keeps to the one below: the root mean square, over all
// pixels from 0 to 255, of the stage's image reduced to the lower resolution
// minus the lower stage's image. One value a stage after the base.
std::vector<double> DifferenceFromLowerStage(const SampleSet& samples);

}  // namespace cascade
