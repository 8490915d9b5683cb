#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "models/evaluation/sample_set.h"
#include "models/tool/sampling_options.h"

namespace cascade {

// The options of `evaluate` and `search` that say which images of a package are
// drawn.
struct DrawOptions {
  int64_t count = 2000;
  uint64_t seed = 1'000'000;
  int threads = 1;
  std::string store;
  std::string real_inputs;  // An image folder; empty: the stage below.
  SamplingOptions sampling;

  void AddTo(CLI::App& command);
};

// A package and what is drawn from it. Holds what `request` points to; neither
// copied nor moved.
class PackageDraw {
 public:
  // Of stage `stage_name`, the last one if it is empty.
  static absl::StatusOr<std::unique_ptr<PackageDraw>> Open(
      const std::string& package, const DrawOptions& options,
      const std::string& stage_name);
  PackageDraw(const PackageDraw&) = delete;
  PackageDraw& operator=(const PackageDraw&) = delete;

  const CascadeSpec& spec() const { return model_->spec(); }
  size_t stage() const { return request_.sampling.size() - 1; }
  // May be changed between draws: all but its pointers.
  SampleRequest& request() { return request_; }
  absl::StatusOr<SampleSet> Draw() const {
    return DrawSampleSet(*model_, request_);
  }

 private:
  PackageDraw() = default;
  absl::Status UseRealInputs(const std::string& folder, uint64_t seed);

  std::unique_ptr<CascadeModel> model_;
  CascadeManifest manifest_;
  std::optional<SampleStore> store_;
  std::optional<RealInputs> inputs_;
  SampleRequest request_;
};

}  // namespace cascade
