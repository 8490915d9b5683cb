#include "models/image_codec.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <iterator>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

absl::Status CheckImage(const HostImage& image) {
  if (image.channels != 1 && image.channels != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("image channels must be 1 or 3, are ", image.channels));
  }
  if (image.height < 1 || image.width < 1 ||
      image.pixels.size() != static_cast<size_t>(image.height) *
                                 static_cast<size_t>(image.width) *
                                 static_cast<size_t>(image.channels)) {
    return absl::InvalidArgumentError(
        absl::StrCat("image of ", image.height, "x", image.width, "x",
                     image.channels, " has ", image.pixels.size(), " bytes"));
  }
  return absl::OkStatus();
}

// Encodes as the format of `extension`.
absl::StatusOr<std::vector<uint8_t>> Encode(const HostImage& image,
                                            const char* extension,
                                            const std::vector<int>& options) {
  if (absl::Status status = CheckImage(image); !status.ok()) return status;
  try {
    // OpenCV takes no const pixels; imencode and cvtColor only read them.
    const cv::Mat pixels(image.height, image.width,
                         image.channels == 1 ? CV_8UC1 : CV_8UC3,
                         const_cast<uint8_t*>(image.pixels.data()));
    // An own matrix: sharing the pixels would convert them in place.
    cv::Mat bgr;
    if (image.channels == 3) {
      cv::cvtColor(pixels, bgr, cv::COLOR_RGB2BGR);
    } else {
      bgr = pixels;
    }
    std::vector<uint8_t> bytes;
    if (!cv::imencode(extension, bgr, bytes, options)) {
      return absl::InternalError(absl::StrCat("cannot encode ", extension));
    }
    return bytes;
  } catch (const std::exception& error) {
    return absl::InternalError(
        absl::StrCat("cannot encode ", extension, ": ", error.what()));
  }
}

}  // namespace

absl::StatusOr<HostImage> DecodeImage(std::span<const uint8_t> bytes,
                                      int channels) {
  if (channels != 1 && channels != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("image channels must be 1 or 3, are ", channels));
  }
  if (bytes.empty()) return absl::InvalidArgumentError("the image is empty");
  try {
    const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1,
                          const_cast<uint8_t*>(bytes.data()));
    cv::Mat decoded = cv::imdecode(
        encoded, channels == 1 ? cv::IMREAD_GRAYSCALE : cv::IMREAD_COLOR);
    if (decoded.empty()) {
      return absl::InvalidArgumentError(
          "the bytes are no image that can be decoded");
    }
    if (channels == 3) cv::cvtColor(decoded, decoded, cv::COLOR_BGR2RGB);
    HostImage image{.height = decoded.rows,
                    .width = decoded.cols,
                    .channels = channels,
                    .pixels = {}};
    const size_t row_bytes =
        static_cast<size_t>(decoded.cols) * static_cast<size_t>(channels);
    image.pixels.resize(row_bytes * static_cast<size_t>(decoded.rows));
    for (int y = 0; y < decoded.rows; ++y) {
      std::copy_n(decoded.ptr<uint8_t>(y), row_bytes,
                  image.pixels.data() + row_bytes * static_cast<size_t>(y));
    }
    return image;
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot decode the image: ", error.what()));
  }
}

absl::StatusOr<HostImage> ReadImageFile(const std::string& path, int channels) {
  std::vector<uint8_t> bytes;
  try {
    std::ifstream file(path, std::ios::binary);
    if (!file) return absl::NotFoundError(absl::StrCat("cannot open ", path));
    bytes.assign(std::istreambuf_iterator<char>(file),
                 std::istreambuf_iterator<char>());
  } catch (const std::exception& error) {  // A folder opens, and reads badly.
    return absl::NotFoundError(
        absl::StrCat("cannot read ", path, ": ", error.what()));
  }
  absl::StatusOr<HostImage> image = DecodeImage(bytes, channels);
  if (!image.ok()) {
    return absl::Status(image.status().code(),
                        absl::StrCat(path, ": ", image.status().message()));
  }
  return image;
}

absl::StatusOr<HostImage> FitSquare(const HostImage& image, int size) {
  if (absl::Status status = CheckImage(image); !status.ok()) return status;
  if (image.height == size && image.width == size) return image;
  try {
    const int side = std::min(image.height, image.width);
    const cv::Mat pixels(image.height, image.width,
                         image.channels == 1 ? CV_8UC1 : CV_8UC3,
                         const_cast<uint8_t*>(image.pixels.data()));
    const cv::Mat square = pixels(cv::Rect(
        (image.width - side) / 2, (image.height - side) / 2, side, side));
    HostImage fitted{.height = size,
                     .width = size,
                     .channels = image.channels,
                     .pixels = std::vector<uint8_t>(
                         static_cast<size_t>(size) * static_cast<size_t>(size) *
                         static_cast<size_t>(image.channels))};
    cv::Mat target(size, size, pixels.type(), fitted.pixels.data());
    cv::resize(square, target, target.size(), 0, 0,
               size < side ? cv::INTER_AREA : cv::INTER_CUBIC);
    return fitted;
  } catch (const std::exception& error) {
    return absl::InternalError(
        absl::StrCat("cannot resize to ", size, ": ", error.what()));
  }
}

absl::StatusOr<std::vector<uint8_t>> EncodePng(const HostImage& image,
                                               int compression) {
  return Encode(image, ".png",
                {cv::IMWRITE_PNG_COMPRESSION, std::clamp(compression, 0, 9)});
}

absl::StatusOr<std::vector<uint8_t>> EncodeJpeg(const HostImage& image,
                                                int quality) {
  return Encode(image, ".jpg",
                {cv::IMWRITE_JPEG_QUALITY, std::clamp(quality, 1, 100)});
}

absl::StatusOr<std::vector<uint8_t>> EncodeWebp(const HostImage& image,
                                                int quality) {
  return Encode(image, ".webp",
                {cv::IMWRITE_WEBP_QUALITY, std::clamp(quality, 1, 101)});
}

}  // namespace cascade
