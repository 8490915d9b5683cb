#include "models/image_codec.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <iterator>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::Status CheckChannels(int channels) {
  if (channels == 1 || channels == 3) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("image channels must be 1 or 3, are ", channels));
}

absl::Status CheckImage(const HostImage& image) {
  RETURN_IF_ERROR(CheckChannels(image.channels));
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

// Every function that calls OpenCV begins with it: OpenCV works on the calling
// thread, and leaves the other cores to the lanes.
void KeepToThisThread() {
  [[maybe_unused]] static const bool is_set = [] {
    cv::setNumThreads(1);
    return true;
  }();
}

// These throw what OpenCV throws.

// Shares the pixels of `image`. OpenCV takes no const ones; callers only read.
cv::Mat Pixels(const HostImage& image) {
  return {image.height, image.width, image.channels == 1 ? CV_8UC1 : CV_8UC3,
          const_cast<uint8_t*>(image.pixels.data())};
}

HostImage ToHostImage(const cv::Mat& pixels) {
  HostImage image{.height = pixels.rows,
                  .width = pixels.cols,
                  .channels = pixels.channels(),
                  .pixels = {}};
  image.pixels.resize(pixels.total() * pixels.elemSize());
  cv::Mat target(pixels.size(), pixels.type(), image.pixels.data());
  pixels.copyTo(target);
  return image;
}

// Puts an image of 1, 3 or 4 (B G R and opacity) channels on black, in 8 bits.
// Grey of the level `transparent` is transparent; -1: none is.
template <typename Level>
cv::Mat Opaque(const cv::Mat& image, int transparent) {
  constexpr uint64_t kMax = std::numeric_limits<Level>::max();
  const int channels = image.channels();
  const int colours = std::min(channels, 3);
  cv::Mat opaque(image.size(), CV_8UC(colours));
  for (int y = 0; y < image.rows; ++y) {
    const Level* in = image.ptr<Level>(y);
    uint8_t* out = opaque.ptr<uint8_t>(y);
    for (int x = 0; x < image.cols; ++x, in += channels, out += colours) {
      uint64_t opacity = channels == 4 ? in[3] : kMax;
      if (channels == 1 && in[0] == transparent) opacity = 0;
      for (int c = 0; c < colours; ++c) {
        out[c] = static_cast<uint8_t>(
            (in[c] * opacity * 255 + kMax * kMax / 2) / (kMax * kMax));
      }
    }
  }
  return opaque;
}

// Grey or R G B of grey or B G R.
cv::Mat WithChannels(const cv::Mat& image, int channels) {
  cv::Mat converted;
  if (image.channels() == 1) {
    if (channels == 1) return image;
    cv::cvtColor(image, converted, cv::COLOR_GRAY2RGB);
  } else {
    cv::cvtColor(image, converted,
                 channels == 1 ? cv::COLOR_BGR2GRAY : cv::COLOR_BGR2RGB);
  }
  return converted;
}

// Turned and mirrored from how EXIF says that it is stored: by columns (5 to
// 8), from right to left, from the bottom up.
cv::Mat Oriented(const cv::Mat& image, int orientation) {
  const bool leftward = orientation % 4 == 2 || orientation % 4 == 3;
  const bool upward = (orientation - 1) % 4 >= 2;
  cv::Mat upright = orientation >= 5 ? cv::Mat(image.t()) : image;
  if (!leftward && !upward) return upright;
  cv::Mat flipped;
  cv::flip(upright, flipped, leftward && upward ? -1 : leftward ? 1 : 0);
  return flipped;
}

// In two steps, because a side that shrinks and one that grows want different
// filters.
cv::Mat Scaled(const cv::Mat& image, cv::Size size) {
  const cv::Size smaller(std::min(image.cols, size.width),
                         std::min(image.rows, size.height));
  cv::Mat scaled = image;
  if (smaller != scaled.size()) {
    cv::resize(image, scaled, smaller, 0, 0, cv::INTER_AREA);
  }
  if (size != scaled.size()) {
    cv::Mat larger;
    cv::resize(scaled, larger, size, 0, 0, cv::INTER_CUBIC);
    return larger;
  }
  return scaled;
}

cv::Mat CenterSquare(const cv::Mat& image) {
  const int side = std::min(image.rows, image.cols);
  return image(
      cv::Rect((image.cols - side) / 2, (image.rows - side) / 2, side, side));
}

// The size of `image` scaled to fit a square of `size`.
cv::Size FitInside(const cv::Mat& image, int size) {
  const int longer = std::max(image.rows, image.cols);
  const auto fit = [&](int side) {
    return static_cast<int>(
        std::max<int64_t>(1, (int64_t{side} * size + longer / 2) / longer));
  };
  return {fit(image.cols), fit(image.rows)};
}

// `image` in the middle of a black square of `size`.
cv::Mat Padded(const cv::Mat& image, int size) {
  const int top = (size - image.rows) / 2;
  const int left = (size - image.cols) / 2;
  cv::Mat padded;
  cv::copyMakeBorder(image, padded, top, size - image.rows - top, left,
                     size - image.cols - left, cv::BORDER_CONSTANT);
  return padded;
}

// Encodes as the format of `extension`.
absl::StatusOr<std::vector<uint8_t>> Encode(const HostImage& image,
                                            const char* extension,
                                            const std::vector<int>& options) {
  KeepToThisThread();
  RETURN_IF_ERROR(CheckImage(image));
  try {
    const cv::Mat pixels = Pixels(image);
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
                                      int channels, int64_t max_pixels) {
  KeepToThisThread();
  RETURN_IF_ERROR(CheckChannels(channels));
  ASSIGN_OR_RETURN(const ImageHeader header, ReadImageHeader(bytes));
  if (bytes.size() > std::numeric_limits<int>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the image has ", bytes.size(), " bytes"));
  }
  const int64_t num_pixels = int64_t{header.width} * header.height;
  if (num_pixels > max_pixels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the image of ", header.width, "x", header.height, " has ", num_pixels,
        " pixels, more than the ", max_pixels, " allowed"));
  }
  try {
    const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1,
                          const_cast<uint8_t*>(bytes.data()));
    // Every other mode drops the transparency.
    cv::Mat decoded = cv::imdecode(encoded, cv::IMREAD_UNCHANGED);
    if (decoded.cols != header.width || decoded.rows != header.height) {
      return absl::InvalidArgumentError(
          absl::StrCat("the image of ", header.width, "x", header.height,
                       " cannot be decoded"));
    }
    const int key = header.transparent_grey ? *header.transparent_grey : -1;
    cv::Mat opaque = decoded.depth() == CV_16U ? Opaque<uint16_t>(decoded, key)
                                               : Opaque<uint8_t>(decoded, key);
    decoded.release();
    return ToHostImage(
        Oriented(WithChannels(opaque, channels), header.orientation));
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

absl::StatusOr<HostImage> ResizeImage(const HostImage& image, int size,
                                      ResizeRule rule) {
  KeepToThisThread();
  RETURN_IF_ERROR(CheckImage(image));
  if (size < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("size = ", size, " is not positive"));
  }
  try {
    const cv::Mat pixels = Pixels(image);
    switch (rule) {
      case ResizeRule::kCenterCrop:
        return ToHostImage(Scaled(CenterSquare(pixels), {size, size}));
      case ResizeRule::kPad:
        return ToHostImage(
            Padded(Scaled(pixels, FitInside(pixels, size)), size));
      case ResizeRule::kStretch:
        return ToHostImage(Scaled(pixels, {size, size}));
    }
    return absl::InvalidArgumentError("rule: is unknown");
  } catch (const std::exception& error) {
    return absl::InternalError(
        absl::StrCat("cannot resize to ", size, ": ", error.what()));
  }
}

std::vector<float> ToModelRange(const HostImage& image) {
  const size_t channels = static_cast<size_t>(image.channels);
  const size_t plane_size = image.pixels.size() / channels;
  std::vector<float> values(image.pixels.size());
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    const size_t target = i % channels * plane_size + i / channels;
    values[target] = static_cast<float>(image.pixels[i]) / 127.5f - 1;
  }
  return values;
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
