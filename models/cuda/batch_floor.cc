#include "models/cuda/batch_floor.h"

#include <algorithm>
#include <cstring>

namespace cascade {
namespace {

constexpr double kEnough = 0.8;

bool SameBits(const at::Tensor& a, const at::Tensor& b) {
  return a.nbytes() == b.nbytes() &&
         std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

double Rate(const BucketTrial& trial) { return trial.rows / trial.seconds; }

// With batches filled up to `floor`.
double ExactRate(std::span<const BucketTrial> trials, size_t floor) {
  double best = 0;
  for (const BucketTrial& trial : trials.subspan(floor)) {
    if (SameBits(trial.output, trials[floor].output)) {
      best = std::max(best, Rate(trial));
    }
  }
  return best;
}

}  // namespace

size_t ChooseFloor(std::span<const BucketTrial> trials) {
  double best = 0;
  for (const BucketTrial& trial : trials) best = std::max(best, Rate(trial));
  size_t floor = 0;
  while (floor + 1 < trials.size() &&
         ExactRate(trials, floor) < kEnough * best) {
    ++floor;
  }
  return floor;
}

}  // namespace cascade
