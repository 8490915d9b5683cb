#include "server/rpc/image_conversion.h"

#include <optional>
#include <utility>

namespace cascade {
namespace {

constexpr int kMaxPreviewEverySteps = 100000;

std::optional<ImageFormat> FromProto(v1::ImageFormat format) {
  switch (format) {
    case v1::IMAGE_FORMAT_UNSPECIFIED:
    case v1::IMAGE_FORMAT_PNG:
      return ImageFormat::kPng;
    case v1::IMAGE_FORMAT_JPEG:
      return ImageFormat::kJpeg;
    case v1::IMAGE_FORMAT_WEBP:
      return ImageFormat::kWebp;
    case v1::IMAGE_FORMAT_RAW:
      return ImageFormat::kRaw;
    default:
      return std::nullopt;
  }
}

v1::ImageFormat ToProto(ImageFormat format) {
  switch (format) {
    case ImageFormat::kPng:
      return v1::IMAGE_FORMAT_PNG;
    case ImageFormat::kJpeg:
      return v1::IMAGE_FORMAT_JPEG;
    case ImageFormat::kWebp:
      return v1::IMAGE_FORMAT_WEBP;
    case ImageFormat::kRaw:
      return v1::IMAGE_FORMAT_RAW;
  }
  return v1::IMAGE_FORMAT_UNSPECIFIED;
}

bool IsLossy(ImageFormat format) {
  return format == ImageFormat::kJpeg || format == ImageFormat::kWebp;
}

void ConvertStageSelection(const v1::OutputOptions& output, int first_stage,
                           int target_stage, OutputOptions& options,
                           FieldCheck& check) {
  const bool all = output.stages().empty();
  options.stage_images.assign(static_cast<size_t>(first_stage), false);
  options.stage_images.resize(static_cast<size_t>(target_stage) + 1, all);
  options.stage_images.back() = true;
  for (int i = 0; i < output.stages_size(); ++i) {
    const int stage = output.stages(i);
    if (check.InRange(ElementField("output.stages", i), stage, first_stage,
                      target_stage)) {
      options.stage_images[static_cast<size_t>(stage)] = true;
    }
  }
}

}  // namespace

OutputOptions ConvertOutputOptions(const v1::OutputOptions& output,
                                   int first_stage, int target_stage,
                                   FieldCheck& check) {
  OutputOptions options;
  const std::optional<ImageFormat> format = FromProto(output.format());
  if (!format.has_value()) {
    check.Refuse("output.format",
                 absl::StrCat(static_cast<int>(output.format()),
                              " is not an image format"));
  }
  options.format = format.value_or(ImageFormat::kPng);
  if (output.has_quality() &&
      check.InRange("output.quality", output.quality(), 1, 100)) {
    options.quality = output.quality();
    if (format.has_value() && !IsLossy(*format)) {
      check.Refuse("output.quality",
                   absl::StrCat(output.quality(),
                                ": only JPEG and WebP have a quality"));
    }
  }
  if (output.has_preview_every_steps() &&
      check.InRange("output.preview_every_steps", output.preview_every_steps(),
                    0, kMaxPreviewEverySteps)) {
    options.preview_every_steps = output.preview_every_steps();
  }
  ConvertStageSelection(output, first_stage, target_stage, options, check);
  return options;
}

v1::Image ToProto(EncodedImage image) {
  v1::Image proto;
  proto.set_format(ToProto(image.format));
  proto.set_width(image.width);
  proto.set_height(image.height);
  proto.set_channels(image.channels);
  proto.set_data(std::move(image.bytes));
  return proto;
}

}  // namespace cascade
