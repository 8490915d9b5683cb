#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/cascade_model.h"
#include "models/evaluation/cascade_sampler.h"
#include "models/evaluation/real_inputs.h"
#include "models/evaluation/sample_store.h"
#include "models/training/image_folder.h"
#include "models/weights/cascade_manifest.h"

namespace cascade {

// Generated images of each stage that was run, with the classes that were asked
// for.
struct SampleSet {
  std::vector<ImageSet> stages;  // From SampleRequest::first_stage on.
};

struct SampleRequest {
  // One a stage, from the base up to the last that is to be run.
  std::vector<StageSampling> sampling;
  int64_t count = 0;
  uint64_t first_seed = 0;  // Image i has this seed + i.
  int threads = 1;
  std::string device = "cpu";  // Or "cuda:N".
  // As `model` was loaded: told, because the store's images depend on them.
  Reproducibility reproducibility = Reproducibility::kExact;
  Precision precision = Precision::kAuto;
  // The first stage that is run; above the base only with `real_inputs`, which
  // then also say the classes.
  size_t first_stage = 0;
  const RealInputs* real_inputs = nullptr;
  // Null: nothing is kept. Else `manifest`, the package's, says what makes the
  // images.
  const SampleStore* store = nullptr;
  const CascadeManifest* manifest = nullptr;
  // Gets a line now and then, from one of the threads; may be empty.
  std::function<void(const std::string&)> report;
};

// Draws images: of class i mod the number of classes, unless the inputs are
// real images. What the store has is read instead of made, also after a run
// that was stopped.
absl::StatusOr<SampleSet> DrawSampleSet(const CascadeModel& model,
                                        const SampleRequest& request);

// What the images of stage `stage` are a function of, in the words of the
// store: to the last byte, so the build and the device are of it, and whether
// every batch size was used.
SampleStore::Set StoredSetOf(const SampleRequest& request, size_t stage);

// How well each stage keeps to the one below: the root mean square, over all
// pixels from 0 to 255, of the stage's image reduced to the lower resolution
// minus the lower stage's image. One value a stage after the first.
std::vector<double> DifferenceFromLowerStage(const SampleSet& samples);

}  // namespace cascade
