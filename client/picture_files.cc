#include "client/picture_files.h"

#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/png_file.h"

namespace cascade {
namespace {

// Names come from the server; they must not lead out of the folder.
std::string FileNamePart(const std::string& name) {
  std::string part;
  for (const char c : name) {
    const bool is_plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                          c == '_' || c == '.';
    part.push_back(is_plain ? c : '_');
  }
  return part;
}

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

absl::StatusOr<PictureFiles> PictureFiles::Create(
    const std::string& folder, const std::string& cascade,
    const std::string& class_label, bool as_png) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder)) {
    return absl::UnavailableError(absl::StrCat(
        "--out ", folder, ": cannot make the folder: ", error.message()));
  }
  return PictureFiles(
      folder,
      absl::StrCat(FileNamePart(cascade), "-", FileNamePart(class_label)),
      as_png);
}

PictureFiles::PictureFiles(std::filesystem::path folder, std::string prefix,
                           bool as_png)
    : folder_(std::move(folder)), prefix_(std::move(prefix)), as_png_(as_png) {}

absl::StatusOr<std::string> PictureFiles::Write(
    const v1::StageImage& image) const {
  const v1::Image& picture = image.image();
  const bool encode = as_png_ && picture.format() == v1::IMAGE_FORMAT_RAW;
  absl::StatusOr<std::string> encoded = std::string();
  if (encode) {
    encoded = EncodePng(picture);
    if (!encoded.ok()) return encoded.status();
  }
  const std::string& bytes = encode ? *encoded : picture.data();
  const std::filesystem::path path =
      folder_ /
      absl::StrCat(prefix_, "-seed", image.image_seed(), "-stage",
                   image.stage(), "-", picture.width(), "x", picture.height(),
                   ".",
                   Extension(encode ? v1::IMAGE_FORMAT_PNG : picture.format()));
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path.string()));
  }
  return path.string();
}

}  // namespace cascade
