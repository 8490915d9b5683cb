#include "models/evaluation/sample_set.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int64_t kChunk = 64;

std::optional<int> ClassOf(int64_t image, int64_t classes) {
  if (classes == 0) return std::nullopt;
  return static_cast<int>(image % classes);
}

// Draws the images [begin, end).
absl::StatusOr<std::vector<SampledImage>> DrawRange(
    const CascadeModel& model, const std::vector<StageSampling>& sampling,
    int64_t begin, int64_t end, uint64_t first_seed,
    const std::function<void(const std::string&)>& report) {
  const auto classes = static_cast<int64_t>(model.spec().class_names.size());
  ASSIGN_OR_RETURN(const std::unique_ptr<CascadeSampler> sampler,
                   CascadeSampler::Create(model, sampling));
  std::vector<SampledImage> images;
  for (int64_t chunk = begin; chunk < end; chunk += kChunk) {
    std::vector<std::optional<int>> class_ids;
    for (int64_t i = chunk; i < std::min(end, chunk + kChunk); ++i) {
      class_ids.push_back(ClassOf(i, classes));
    }
    ASSIGN_OR_RETURN(
        std::vector<SampledImage> drawn,
        sampler->Sample(first_seed + static_cast<uint64_t>(chunk), class_ids));
    std::move(drawn.begin(), drawn.end(), std::back_inserter(images));
    if (report) {
      report(absl::StrCat(images.size(), " of ", end - begin, " images"));
    }
  }
  return images;
}

void Append(const SampledImage& image, SampleSet* set) {
  for (size_t stage = 0; stage < image.pixels.size(); ++stage) {
    const HostImage& pixels = image.pixels[stage];
    ImageSet& images = set->stages[stage];
    images.size = pixels.height;
    images.channels = pixels.channels;
    images.labels.push_back(image.class_id.value_or(0));
    images.pixels.insert(images.pixels.end(), pixels.pixels.begin(),
                         pixels.pixels.end());
  }
}

}  // namespace

absl::StatusOr<SampleSet> DrawSampleSet(
    const CascadeModel& model, const std::vector<StageSampling>& sampling,
    int64_t count, uint64_t first_seed, int threads,
    const std::function<void(const std::string&)>& report) {
  std::vector<absl::StatusOr<std::vector<SampledImage>>> parts(
      static_cast<size_t>(threads));
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      parts[static_cast<size_t>(i)] = DrawRange(
          model, sampling, count * i / threads, count * (i + 1) / threads,
          first_seed, i == 0 ? report : nullptr);
    });
  }
  for (std::thread& worker : workers) worker.join();

  SampleSet set;
  const size_t stages =
      sampling.empty() ? model.spec().stages.size() : sampling.size();
  set.stages.resize(stages);
  for (ImageSet& images : set.stages) {
    images.class_names = model.spec().class_names;
  }
  for (const auto& part : parts) {
    RETURN_IF_ERROR(part.status());
    for (const SampledImage& image : *part) Append(image, &set);
  }
  return set;
}

std::vector<double> DifferenceFromLowerStage(const SampleSet& samples) {
  std::vector<double> differences;
  for (size_t stage = 1; stage < samples.stages.size(); ++stage) {
    const ImageSet& low = samples.stages[stage - 1];
    const ImageSet& high = samples.stages[stage];
    const auto factor = static_cast<size_t>(high.size / low.size);
    const auto low_size = static_cast<size_t>(low.size);
    const auto high_size = static_cast<size_t>(high.size);
    const auto channels = static_cast<size_t>(low.channels);
    double squares = 0;
    for (size_t i = 0; i < low.pixels.size(); ++i) {
      const size_t channel = i % channels;
      const size_t x = i / channels % low_size;
      const size_t y = i / channels / low_size % low_size;
      const size_t image = i / channels / low_size / low_size;
      double sum = 0;
      for (size_t dy = 0; dy < factor; ++dy) {
        for (size_t dx = 0; dx < factor; ++dx) {
          const size_t pixel =
              (image * high_size + y * factor + dy) * high_size + x * factor +
              dx;
          sum += high.pixels[pixel * channels + channel];
        }
      }
      const double mean = sum / static_cast<double>(factor * factor);
      squares += (mean - low.pixels[i]) * (mean - low.pixels[i]);
    }
    differences.push_back(
        std::sqrt(squares / static_cast<double>(low.pixels.size())));
  }
  return differences;
}

}  // namespace cascade
