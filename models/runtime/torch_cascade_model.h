#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/cascade_model.h"
#include "models/plan/process_memory.h"
#include "models/runtime/loaded_stage.h"
#include "models/weights/cascade_manifest.h"

namespace cascade {

// CascadeModel over LibTorch.
class TorchCascadeModel final : public CascadeModel {
 public:
  // Reads the package in `folder`; see LoadCascade().
  static absl::StatusOr<std::unique_ptr<TorchCascadeModel>> Load(
      const std::string& folder, const LoadOptions& options);

  const CascadeSpec& spec() const override { return spec_; }
  absl::StatusOr<std::unique_ptr<StageExecutor>> MakeExecutor(
      int stage_index, const std::string& device) const override;

 private:
  TorchCascadeModel() = default;

  absl::Status LoadStage(const std::string& folder,
                         const StageManifest& manifest,
                         const LoadOptions& options);

  struct MemoryReturner {
    ~MemoryReturner() { ReturnFreedMemory(); }
  };

  const MemoryReturner last_;  // After the stages.
  CascadeSpec spec_;
  std::vector<std::unique_ptr<LoadedStage>> stages_;
};

}  // namespace cascade
