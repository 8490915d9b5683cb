#include "models/evaluation/feature_network.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/image_codec.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int64_t kPiece = 256;

// Grey as R = G = B.
void AppendColours(const std::vector<uint8_t>& grey,
                   std::vector<uint8_t>* pixels) {
  for (uint8_t level : grey) pixels->insert(pixels->end(), 3, level);
}

// The images [begin, end) as the network takes them.
absl::StatusOr<ImageSet> Prepared(const FeatureNetwork& network,
                                  const ImageSet& images, int64_t begin,
                                  int64_t end) {
  ImageSet piece;
  piece.size = network.size() == 0 ? images.size : network.size();
  piece.channels = network.channels();
  piece.class_names = images.class_names;
  for (int64_t i = begin; i < end; ++i) {
    ASSIGN_OR_RETURN(
        const HostImage image,
        ResizeImage(ImageAt(images, i), piece.size, ResizeRule::kStretch));
    if (images.channels == piece.channels) {
      piece.pixels.insert(piece.pixels.end(), image.pixels.begin(),
                          image.pixels.end());
    } else {
      AppendColours(image.pixels, &piece.pixels);
    }
    piece.labels.push_back(images.labels[static_cast<size_t>(i)]);
  }
  return piece;
}

}  // namespace

absl::StatusOr<FeatureSet> FeaturesOf(const FeatureNetwork& network,
                                      const ImageSet& images,
                                      const FeatureProgress& progress) {
  if (images.channels > network.channels()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the images have ", images.channels,
        " channels, the feature network takes ", network.channels()));
  }
  FeatureSet all;
  for (int64_t begin = 0; begin < images.count(); begin += kPiece) {
    const int64_t end = std::min(begin + kPiece, images.count());
    ASSIGN_OR_RETURN(const ImageSet piece,
                     Prepared(network, images, begin, end));
    ASSIGN_OR_RETURN(const FeatureSet some, network.Run(piece));
    if (begin > 0 &&
        (some.dimensions != all.dimensions || some.classes != all.classes)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the feature network gave ", all.dimensions,
          " features for some images, ", some.dimensions, " for others"));
    }
    all.dimensions = some.dimensions;
    all.classes = some.classes;
    all.count += some.count;
    all.features.insert(all.features.end(), some.features.begin(),
                        some.features.end());
    all.probabilities.insert(all.probabilities.end(),
                             some.probabilities.begin(),
                             some.probabilities.end());
    if (progress) progress(all.count);
  }
  return all;
}

}  // namespace cascade
