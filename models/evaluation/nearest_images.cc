#include "models/evaluation/nearest_images.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

// Pixels between two looks at whether a candidate is too far already. Their sum
// of squares fits 32 bits.
constexpr size_t kBlock = 1024;

// The sum of squared differences, or some number above `limit` if it is above.
int64_t SquaredDifference(std::span<const uint8_t> a,
                          std::span<const uint8_t> b, int64_t limit) {
  int64_t sum = 0;
  for (size_t begin = 0; begin < a.size() && sum <= limit; begin += kBlock) {
    const size_t end = std::min(a.size(), begin + kBlock);
    int32_t block = 0;
    for (size_t i = begin; i < end; ++i) {
      const int32_t difference = int32_t{a[i]} - int32_t{b[i]};
      block += difference * difference;
    }
    sum += block;
  }
  return sum;
}

double RootMean(int64_t squares, size_t count) {
  return std::sqrt(static_cast<double>(squares) / static_cast<double>(count));
}

std::span<const uint8_t> PixelsOf(const ImageSet& images, int64_t index) {
  const auto bytes = static_cast<size_t>(images.size) *
                     static_cast<size_t>(images.size) *
                     static_cast<size_t>(images.channels);
  return std::span(images.pixels)
      .subspan(static_cast<size_t>(index) * bytes, bytes);
}

}  // namespace

double ImageDistance(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return RootMean(SquaredDifference(a, b, std::numeric_limits<int64_t>::max()),
                  a.size());
}

absl::StatusOr<std::vector<NearestImage>> FindNearestImages(
    const ImageSet& queries, const ImageSet& candidates) {
  if (queries.size != candidates.size ||
      queries.channels != candidates.channels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "images of ", queries.size, "x", queries.size, "x", queries.channels,
        " cannot be compared with images of ", candidates.size, "x",
        candidates.size, "x", candidates.channels));
  }
  if (candidates.count() == 0) {
    return absl::InvalidArgumentError("there is no image to compare with");
  }
  std::vector<NearestImage> nearest;
  for (int64_t query = 0; query < queries.count(); ++query) {
    const std::span<const uint8_t> pixels = PixelsOf(queries, query);
    int64_t best = std::numeric_limits<int64_t>::max();
    int64_t index = 0;
    for (int64_t candidate = 0; candidate < candidates.count(); ++candidate) {
      const int64_t squares =
          SquaredDifference(pixels, PixelsOf(candidates, candidate), best);
      if (squares >= best) continue;
      best = squares;
      index = candidate;
    }
    nearest.push_back(
        {.index = index, .distance = RootMean(best, pixels.size())});
  }
  return nearest;
}

std::vector<std::optional<double>> SpreadOfClasses(const ImageSet& images) {
  std::vector<std::vector<int64_t>> members(images.class_names.size());
  for (int64_t i = 0; i < images.count(); ++i) {
    members[static_cast<size_t>(images.labels[static_cast<size_t>(i)])]
        .push_back(i);
  }
  std::vector<std::optional<double>> spreads;
  for (const std::vector<int64_t>& indices : members) {
    double sum = 0;
    double pairs = 0;
    for (size_t i = 0; i < indices.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        sum += ImageDistance(PixelsOf(images, indices[i]),
                             PixelsOf(images, indices[j]));
        pairs += 1;
      }
    }
    spreads.push_back(pairs > 0 ? std::optional(sum / pairs) : std::nullopt);
  }
  return spreads;
}

}  // namespace cascade
