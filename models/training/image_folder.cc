#include "models/training/image_folder.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "models/image_codec.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

namespace fs = std::filesystem;

bool IsNumber(const std::string& name) {
  return !name.empty() && name.size() < 10 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool IsImage(const fs::path& path) {
  const std::string extension =
      absl::AsciiStrToLower(path.extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

absl::StatusOr<std::vector<fs::path>> Sorted(const fs::path& folder,
                                             bool folders) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code unreadable;
    if (folders ? it->is_directory(unreadable) : IsImage(it->path())) {
      paths.push_back(it->path());
    }
  }
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot read ", folder.string(), ": ", error.message()));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

HostImage ImageAt(const ImageSet& images, int64_t index) {
  const auto bytes =
      static_cast<std::ptrdiff_t>(images.size) * images.size * images.channels;
  const auto first = images.pixels.begin() + index * bytes;
  return {.height = images.size,
          .width = images.size,
          .channels = images.channels,
          .pixels = {first, first + bytes}};
}

absl::StatusOr<ImageSet> ReadImageFolder(const std::string& folder, int size,
                                         int channels) {
  ASSIGN_OR_RETURN(std::vector<fs::path> classes, Sorted(folder, true));
  const bool flat = classes.empty();
  if (flat) classes.push_back(folder);
  if (std::all_of(classes.begin(), classes.end(), [](const fs::path& path) {
        return IsNumber(path.filename().string());
      })) {
    std::sort(classes.begin(), classes.end(),
              [](const fs::path& a, const fs::path& b) {
                return std::stoi(a.filename().string()) <
                       std::stoi(b.filename().string());
              });
  }

  ImageSet set;
  set.size = size;
  set.channels = channels;
  for (const fs::path& class_folder : classes) {
    const int label = static_cast<int>(set.class_names.size());
    set.class_names.push_back(flat ? "images"
                                   : class_folder.filename().string());
    ASSIGN_OR_RETURN(const std::vector<fs::path> files,
                     Sorted(class_folder, false));
    for (const fs::path& file : files) {
      ASSIGN_OR_RETURN(const HostImage image,
                       ReadImageFile(file.string(), channels));
      ASSIGN_OR_RETURN(const HostImage square,
                       ResizeImage(image, size, ResizeRule::kCenterCrop));
      set.pixels.insert(set.pixels.end(), square.pixels.begin(),
                        square.pixels.end());
      set.labels.push_back(label);
    }
  }
  if (set.labels.empty()) {
    return absl::NotFoundError(absl::StrCat(folder, " has no images in it"));
  }
  return set;
}

}  // namespace cascade
