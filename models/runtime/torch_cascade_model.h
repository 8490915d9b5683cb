#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "models/cascade_model.h"
#include "models/runtime/stage_network.h"
#include "models/weights/cascade_manifest.h"

namespace cascade {

// CascadeModel over LibTorch: one network a stage, and what its executors may
// do, measured when the first is made.
class TorchCascadeModel final : public CascadeModel {
 public:
  // Reads the package in `folder`; see LoadCascade().
  static absl::StatusOr<std::unique_ptr<TorchCascadeModel>> Load(
      const std::string& folder, const LoadOptions& options);

  const CascadeSpec& spec() const override { return spec_; }
  absl::StatusOr<std::unique_ptr<StageExecutor>> MakeExecutor(
      int stage_index, const std::string& device) const override;

 private:
  struct Stage {
    std::shared_ptr<const StageNetwork> network;
    int64_t bytes_per_row = 0;
    // Set by the first call of MakeExecutor(), which the others wait for.
    std::once_flag probed;
    absl::StatusOr<ExecutorLimits> limits;
  };

  explicit TorchCascadeModel(const LoadOptions& options) : options_(options) {}

  absl::Status LoadStage(const std::string& folder,
                         const StageManifest& manifest, at::Device device);
  absl::StatusOr<ExecutorLimits> Probe(const StageSpec& spec,
                                       const Stage& stage) const;

  const LoadOptions options_;
  CascadeSpec spec_;
  std::vector<std::unique_ptr<Stage>> stages_;
};

}  // namespace cascade
