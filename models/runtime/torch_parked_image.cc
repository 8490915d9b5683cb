#include "models/runtime/torch_parked_image.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

at::Tensor HostCopy(const at::Tensor& tensor) {
  return tensor.to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
}

bool SameStage(const StageSpec& a, const StageSpec& b) {
  return a.index == b.index && a.resolution == b.resolution &&
         a.low_resolution == b.low_resolution && a.channels == b.channels &&
         a.weights_sha256 == b.weights_sha256;
}

std::string Describe(const StageSpec& spec) {
  return absl::StrCat("stage ", spec.index, " (", spec.channels, " x ",
                      spec.resolution, " x ", spec.resolution, ", weights \"",
                      spec.weights_sha256, "\")");
}

template <typename Value>
absl::Status Differs(absl::string_view field, Value plan, Value parked) {
  return absl::InvalidArgumentError(absl::StrCat(
      "parked: ", field, " is ", parked, ", and the plan's is ", plan));
}

}  // namespace

TorchParkedImage::TorchParkedImage(const StageSpec& spec,
                                   const SlotState& state, const SlotPool& pool,
                                   Slot slot)
    : spec_(spec),
      state_(state),
      x_(HostCopy(pool.x.select(0, SlotPool::XRow(slot, state.line)))),
      x0_(EmptyImages(spec, NumX0(), at::kCPU)) {
  for (int k = 0; k < NumX0(); ++k) {
    x0_.select(0, k).copy_(
        pool.x0.select(0, SlotPool::X0Row(slot, state_.line - 1 - k)));
  }
  if (pool.low_res.defined()) low_res_ = HostCopy(pool.low_res.select(0, slot));
}

int TorchParkedImage::NumX0() const {
  return std::min(state_.line, kHistoryLength - 1);
}

int64_t TorchParkedImage::bytes() const {
  const size_t bytes =
      x_.nbytes() + x0_.nbytes() + (low_res_.defined() ? low_res_.nbytes() : 0);
  return static_cast<int64_t>(bytes);
}

void TorchParkedImage::CopyTo(const SlotPool& pool, Slot slot) const {
  pool.x.select(0, SlotPool::XRow(slot, state_.line)).copy_(x_);
  for (int k = 0; k < NumX0(); ++k) {
    pool.x0.select(0, SlotPool::X0Row(slot, state_.line - 1 - k))
        .copy_(x0_.select(0, k));
  }
  if (low_res_.defined()) pool.low_res.select(0, slot).copy_(low_res_);
}

absl::StatusOr<const TorchParkedImage*> FindParked(const StageSpec& spec,
                                                   const ImagePlan& plan,
                                                   const SlotState& start) {
  const auto* parked = dynamic_cast<const TorchParkedImage*>(plan.parked.get());
  if (parked == nullptr) {
    return absl::InvalidArgumentError(
        "parked: was not parked by an executor of this kind");
  }
  if (!SameStage(parked->spec(), spec)) {
    return absl::InvalidArgumentError(
        absl::StrCat("parked: is of ", Describe(parked->spec()),
                     ", and this is ", Describe(spec)));
  }
  const SlotState& state = parked->state();
  if (state.image_seed != start.image_seed) {
    return Differs("image_seed", start.image_seed, state.image_seed);
  }
  if (state.class_id != start.class_id) {
    return Differs("class_id", start.class_id, state.class_id);
  }
  if (state.augmentation != start.augmentation) {
    return Differs("augmentation", start.augmentation, state.augmentation);
  }
  if (state.table != start.table && *state.table != *start.table) {
    return absl::InvalidArgumentError(
        "parked: table is not the plan's: another sampler, or other options");
  }
  return parked;
}

}  // namespace cascade
