// A batch of images through all stages of a package with its defaults, from
// noise to the last stage's pixels in memory, again and again: what a lane of
// the server does, without the server.
//
//   cascade_bench PACKAGE [--precision fp32|bf16] [--batch N] [--threads N]
//       [--images FILE] [--draws N | --serve]
//
// Prints the median of --draws batches. --serve, for tests/bench/peers: answers
// each line of its standard input with the seconds that one batch took.
// --images: writes the last stage's pixels, [image][y][x][channel] in 8 bits,
// before it begins. Image i has seed i and the i-th class, round and round.

#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "models/cascade_model.h"
#include "models/evaluation/cascade_sampler.h"
#include "server/base/status_macros.h"
#include "tests/bench/bench_settings.h"

namespace cascade {
namespace {

constexpr uint64_t kFirstSeed = 0;

struct CascadeSettings : BenchSettings {
  std::string images;
};

std::vector<std::optional<int>> ClassIds(const CascadeSpec& spec,
                                         int64_t batch) {
  std::vector<std::optional<int>> class_ids(static_cast<size_t>(batch));
  const size_t classes = spec.class_names.size();
  for (size_t i = 0; classes > 0 && i < class_ids.size(); ++i) {
    class_ids[i] = static_cast<int>(i % classes);
  }
  return class_ids;
}

absl::Status WriteImages(const std::vector<SampledImage>& images,
                         const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  for (const SampledImage& image : images) {
    const std::vector<uint8_t>& pixels = image.pixels.back().pixels;
    file.write(reinterpret_cast<const char*>(pixels.data()),
               static_cast<std::streamsize>(pixels.size()));
  }
  file.close();
  if (file) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--images ", path, ": cannot be written"));
}

absl::Status Run(const CascadeSettings& settings) {
  LoadOptions options;
  options.precision =
      settings.precision == "bf16" ? Precision::kBf16 : Precision::kFp32;
  ASSIGN_OR_RETURN(const std::unique_ptr<CascadeModel> model,
                   LoadCascade(settings.package, options));
  ASSIGN_OR_RETURN(const std::unique_ptr<CascadeSampler> sampler,
                   CascadeSampler::Create(*model));
  const std::vector<std::optional<int>> class_ids =
      ClassIds(model->spec(), settings.batch);
  // Loads all stages, which leaves this thread's setting at one.
  RETURN_IF_ERROR(sampler->Sample(kFirstSeed, class_ids).status());
  at::set_num_threads(settings.threads);
  ASSIGN_OR_RETURN(const std::vector<SampledImage> images,
                   sampler->Sample(kFirstSeed, class_ids));
  if (!settings.images.empty()) {
    RETURN_IF_ERROR(WriteImages(images, settings.images));
  }
  return Measure(settings, model->spec().name, [&] {
    return sampler->Sample(kFirstSeed, class_ids).status();
  });
}

}  // namespace
}  // namespace cascade

int main(int argc, char** argv) {
  cascade::CascadeSettings settings;
  CLI::App app("A batch of images through all stages, again and again.");
  settings.AddTo(app, "--draws");
  app.add_option("--images", settings.images);
  CLI11_PARSE(app, argc, argv);
  return cascade::ExitStatus("cascade_bench", cascade::Run(settings));
}
