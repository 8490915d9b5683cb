#include "models/evaluation/image_digest.h"

#include <span>

#include "absl/strings/str_cat.h"
#include "models/sha256.h"

namespace cascade {

std::string ImageDigest(const ImageSet& images) {
  const std::string parts =
      absl::StrCat(images.size, "x", images.size, "x", images.channels, " ",
                   Sha256Hex(std::as_bytes(std::span(images.pixels))), " ",
                   Sha256Hex(std::as_bytes(std::span(images.labels))));
  return absl::StrCat(Sha256Hex(std::as_bytes(std::span(parts))), " of ",
                      images.count());
}

}  // namespace cascade
