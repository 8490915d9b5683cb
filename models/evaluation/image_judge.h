#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/evaluation/feature_network.h"
#include "models/evaluation/kernel_distance.h"
#include "models/evaluation/moments.h"
#include "models/evaluation/moments_cache.h"
#include "models/training/image_folder.h"

namespace cascade {

// What can be measured of a set of images by their features.
enum class ImageMetric {
  kFrechet,          // "fid": FrechetDistance() to each reference.
  kKernel,           // "kid": MeasureKernelDistance(), the same.
  kPrecisionRecall,  // "pr": MeasurePrecisionRecall(), the same.
  kInceptionScore,   // "is": MeasureInceptionScore().
  kClass,            // "class": is the class found that was asked for?
};

// A figure and what it is called: "fid_train", "inception_score".
struct Figure {
  std::string name;
  double value = 0;
};

// Measures sets of images with one network against one or more sets of real
// images, whose features are computed once. Owned by one thread.
class ImageJudge {
 public:
  struct Options {
    std::set<ImageMetric> metrics = {};
    KernelDistanceOptions kernel = {};
    int splits = 10;         // Of the inception score; fewer for few images.
    int neighbours = 3;      // k of precision and recall.
    uint64_t seed = 0;       // Of the splits' order.
    int threads = 1;         // Intra-op.
    std::string cache = {};  // Folder of a MomentsCache; empty: none.
    // Gets a line now and then; may be empty.
    std::function<void(const std::string&)> report = {};
  };

  // The names of the figures that Judge() gives for these metrics and
  // references, in its order.
  static std::vector<std::string> FigureNames(
      const std::set<ImageMetric>& metrics,
      const std::vector<std::string>& references);

  // `network` must outlive it.
  ImageJudge(const FeatureNetwork& network, Options options);

  // Figures against `images` end with "_NAME".
  void AddReference(std::string name, ImageSet images);

  struct Verdict {
    std::vector<Figure> figures;
    // One a class, none for a class without samples; empty without kClass.
    std::vector<std::optional<double>> class_found;
  };
  // INVALID_ARGUMENT when a metric cannot be had: without references,
  // probabilities or labels, or for too few images. A reference must have the
  // samples' size.
  absl::StatusOr<Verdict> Judge(const ImageSet& samples);

 private:
  struct Reference {
    std::string name;
    ImageSet images;
    // Filled when first needed.
    FeatureSet features = {};
    std::optional<Moments> moments = std::nullopt;
  };

  absl::StatusOr<FeatureSet> Features(const ImageSet& images,
                                      const std::string& name) const;
  absl::Status NeedFeatures(Reference& reference) const;
  absl::Status NeedMoments(Reference& reference) const;
  absl::Status Compare(const FeatureSet& samples, Reference& reference,
                       std::vector<Figure>* figures) const;
  absl::Status JudgeAlone(const FeatureSet& samples, const ImageSet& images,
                          Verdict* verdict) const;
  bool Wants(ImageMetric metric) const;

  const FeatureNetwork& network_;
  const Options options_;
  const MomentsCache cache_;
  std::vector<Reference> references_;
};

}  // namespace cascade
