#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "models/evaluation/feature_network.h"

namespace cascade {

// What a TorchScript network's images look like.
struct ScriptNetworkOptions {
  enum class Range {
    kByte,    // uint8, 0 to 255.
    kUnit,    // float, 0 to 1.
    kSigned,  // float, -1 to 1.
  };

  int size = 299;  // Height and width; 0: as the images come.
  int channels = 3;
  Range range = Range::kByte;
};

// Loads a TorchScript file whose forward() takes images [n, channels, size,
// size] and returns a tensor of features ([n, d] or [n, d, 1, 1]), or a tuple
// of features and logits [n, classes].
//
// A forward() with an argument `return_features` is called twice: with it true
// for the features, and without it for probabilities (so is the Inception
// export inception-2015-12-05.pt that StyleGAN's metrics use, which takes bytes
// of any size).
//
// NOT_FOUND for a file that cannot be read, INVALID_ARGUMENT for one that is no
// TorchScript; both name it. A network that fails on images, or returns
// anything else, fails in Run(), naming file and what came. TorchScript is a
// program that reads and computes what it likes: load files of people you
// trust.
absl::StatusOr<std::unique_ptr<FeatureNetwork>> LoadScriptNetwork(
    const std::string& path, const ScriptNetworkOptions& options);

}  // namespace cascade
