#include "models/runtime/torch_stage_output.h"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include "models/runtime/torch_status.h"

namespace cascade {

absl::StatusOr<std::vector<float>> TorchStageOutput::ToHost() const {
  return CatchTorch([&]() -> absl::StatusOr<std::vector<float>> {
    const c10::InferenceMode inference;
    const at::Tensor host = image_.cpu();
    const float* values = host.const_data_ptr<float>();
    return std::vector<float>(values, values + host.numel());
  });
}

at::Tensor ImageOf(const StageOutput& output, at::Device device) {
  if (const auto* torch = dynamic_cast<const TorchStageOutput*>(&output)) {
    return torch->image().to(device);
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
