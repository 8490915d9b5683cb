#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "models/evaluation/feature_set.h"
#include "models/training/image_folder.h"

namespace cascade {

// A network that says how images look: a feature vector for each and, if it is
// a classifier, class probabilities.
class FeatureNetwork {
 public:
  virtual ~FeatureNetwork() = default;

  // Names kind and weights: networks of one id give the same numbers. For the
  // keys of caches.
  virtual const std::string& id() const = 0;
  // Height and width of the images that Run() takes; 0: any.
  virtual int size() const = 0;
  virtual int channels() const = 0;  // 1 or 3.

  // `images` have the network's size and channels.
  virtual absl::StatusOr<FeatureSet> Run(const ImageSet& images) const = 0;
};

// Gets the number of images that are done.
using FeatureProgress = std::function<void(int64_t)>;

// What `network` says about images of any size: they are brought to its own, by
// area when they get smaller and bicubically when they get larger, and grey
// ones become R = G = B for a network of colours. INVALID_ARGUMENT for colours
// and a grey network. Works in pieces; `progress` may be empty.
absl::StatusOr<FeatureSet> FeaturesOf(const FeatureNetwork& network,
                                      const ImageSet& images,
                                      const FeatureProgress& progress = {});

}  // namespace cascade
