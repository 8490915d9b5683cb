#include "client/picture_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/png_file.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

const char* Extension(v1::ImageFormat format) {
  switch (format) {
    case v1::IMAGE_FORMAT_PNG:
      return "png";
    case v1::IMAGE_FORMAT_JPEG:
      return "jpg";
    case v1::IMAGE_FORMAT_WEBP:
      return "webp";
    default:
      return "raw";
  }
}

}  // namespace

PictureFiles::PictureFiles(OutputFolder folder, bool as_png)
    : folder_(std::move(folder)), as_png_(as_png) {}

absl::StatusOr<std::string> PictureFiles::Write(
    const v1::StageImage& image) const {
  const v1::Image& picture = image.image();
  const std::string name =
      absl::StrCat("seed", image.image_seed(), "-stage", image.stage(), "-",
                   picture.width(), "x", picture.height(), ".");
  if (!as_png_ || picture.format() != v1::IMAGE_FORMAT_RAW) {
    return folder_.Write(name + Extension(picture.format()), picture.data());
  }
  ASSIGN_OR_RETURN(const std::string png, EncodePng(picture));
  return folder_.Write(name + "png", png);
}

}  // namespace cascade
