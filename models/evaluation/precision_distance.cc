#include "models/evaluation/precision_distance.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "models/evaluation/cascade_sampler.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

std::vector<StageTask> FirstTasks(const CascadeSpec& spec, uint64_t first_seed,
                                  int count) {
  const int classes = spec.stages.front().num_classes;
  std::vector<StageTask> tasks(static_cast<size_t>(count));
  for (size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].image_seed = first_seed + i;
    if (classes > 0) tasks[i].class_id = static_cast<int>(i) % classes;
  }
  return tasks;
}

PrecisionDistance DistanceOf(const std::vector<StageResult>& a,
                             const std::vector<StageResult>& b) {
  PrecisionDistance distance;
  double squares = 0;
  size_t values = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const std::vector<uint8_t>& pixels = a[i].pixels.pixels;
    for (size_t j = 0; j < pixels.size(); ++j) {
      const int difference = std::abs(int{pixels[j]} - b[i].pixels.pixels[j]);
      distance.largest = std::max(distance.largest, difference);
      squares += static_cast<double>(difference) * difference;
    }
    values += pixels.size();
  }
  distance.root_mean_square = std::sqrt(squares / static_cast<double>(values));
  return distance;
}

}  // namespace

absl::StatusOr<std::vector<PrecisionDistance>> MeasurePrecisionDistances(
    const CascadeModel& fp32, const CascadeModel& other, uint64_t first_seed,
    int count) {
  ASSIGN_OR_RETURN(const auto reference, CascadeSampler::Create(fp32));
  ASSIGN_OR_RETURN(const auto measured, CascadeSampler::Create(other));
  std::vector<StageTask> tasks = FirstTasks(fp32.spec(), first_seed, count);
  std::vector<PrecisionDistance> distances;
  for (size_t stage = 0; stage < fp32.spec().stages.size(); ++stage) {
    ASSIGN_OR_RETURN(const std::vector<StageResult> expected,
                     reference->SampleStage(stage, tasks));
    ASSIGN_OR_RETURN(const std::vector<StageResult> actual,
                     measured->SampleStage(stage, tasks));
    distances.push_back(DistanceOf(expected, actual));
    for (size_t i = 0; i < tasks.size(); ++i) {
      tasks[i].input = expected[i].output;
    }
  }
  return distances;
}

}  // namespace cascade
