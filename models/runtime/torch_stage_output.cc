#include "models/runtime/torch_stage_output.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

#include "models/runtime/torch_status.h"

namespace cascade {
namespace {

c10::Stream CurrentStream(at::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

}  // namespace

TorchStageOutput::TorchStageOutput(at::Tensor image, int noise_index)
    : image_(std::move(image)), noise_index_(noise_index) {
  if (image_.is_cpu()) return;
  made_.emplace(image_.device().type());
  made_->record(CurrentStream(image_.device()));
}

at::Tensor TorchStageOutput::ImageOn(at::Device device) const {
  if (made_.has_value()) {
    // A copy to another device runs in this stream of the image's own, too, and
    // ATen has the other device's current stream wait for it.
    const c10::Stream stream = CurrentStream(image_.device());
    made_->block(stream);
    // The memory is not given to others before the stream has read it.
    image_.record_stream(stream);
  }
  return image_.to(device);
}

absl::StatusOr<std::vector<float>> TorchStageOutput::ToHost() const {
  return CatchTorch([&]() -> absl::StatusOr<std::vector<float>> {
    const c10::InferenceMode inference;
    const at::Tensor host = ImageOn(at::kCPU);
    const float* values = host.const_data_ptr<float>();
    return std::vector<float>(values, values + host.numel());
  });
}

at::Tensor ImageOf(const StageOutput& output, at::Device device) {
  if (const auto* torch = dynamic_cast<const TorchStageOutput*>(&output)) {
    return torch->ImageOn(device);
  }
  absl::StatusOr<std::vector<float>> host = output.ToHost();
  TORCH_CHECK(host.ok(), host.status().message());
  std::vector<float> values = *std::move(host);
  TORCH_CHECK(static_cast<int64_t>(values.size()) ==
                  int64_t{output.channels()} * output.resolution() *
                      output.resolution(),
              "a stage output has ", values.size(), " values");
  return at::from_blob(
             values.data(),
             {output.channels(), output.resolution(), output.resolution()},
             at::kFloat)
      .clone()
      .to(device);
}

}  // namespace cascade
