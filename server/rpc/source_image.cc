#include "server/rpc/source_image.h"

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/host_stage_output.h"
#include "models/image_codec.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_check.h"

namespace cascade {
namespace {

std::string Size(const ImageHeader& header) {
  return absl::StrCat(header.width, " x ", header.height);
}

std::span<const uint8_t> BytesOf(const v1::SourceImage& source) {
  return {reinterpret_cast<const uint8_t*>(source.data().data()),
          source.data().size()};
}

absl::StatusOr<ImageHeader> ReadHeader(const v1::SourceImage& source,
                                       int64_t max_pixels) {
  if (source.data().empty()) return InvalidField("image.data", "unset");
  absl::StatusOr<ImageHeader> header = ReadImageHeader(BytesOf(source));
  if (!header.ok()) {
    return InvalidField("image.data", std::string(header.status().message()));
  }
  if (int64_t{header->width} * header->height > max_pixels) {
    return InvalidField("image.data",
                        absl::StrCat(Size(*header), " pixels: at most ",
                                     max_pixels, " in all are allowed"));
  }
  return header;
}

bool Fits(const ImageHeader& header, const StageSpec& stage) {
  return header.width == stage.low_resolution &&
         header.height == stage.low_resolution;
}

absl::StatusOr<int> FirstStage(const v1::SourceImage& source,
                               const ImageHeader& header,
                               const CascadeSpec& cascade) {
  const int top = static_cast<int>(cascade.stages.size()) - 1;
  if (source.has_first_stage()) {
    FieldCheck check;
    check.InRange("image.first_stage", source.first_stage(), 1, top);
    if (absl::Status status = check.status(); !status.ok()) return status;
    return source.first_stage();
  }
  std::string sizes;
  for (const StageSpec& stage : cascade.stages) {
    if (stage.index == 0) continue;
    if (Fits(header, stage)) return stage.index;
    absl::StrAppend(&sizes, sizes.empty() ? "" : ", ", stage.low_resolution,
                    " x ", stage.low_resolution);
  }
  return InvalidField("image.first_stage",
                      absl::StrCat("unset: no stage takes images of ",
                                   Size(header), ", but of ", sizes));
}

// None: the field is unset.
absl::StatusOr<std::optional<ResizeRule>> Rule(v1::ResizeRule rule) {
  switch (rule) {
    case v1::RESIZE_RULE_UNSPECIFIED:
      return std::optional<ResizeRule>();
    case v1::RESIZE_RULE_CENTER_CROP:
      return std::optional(ResizeRule::kCenterCrop);
    case v1::RESIZE_RULE_PAD:
      return std::optional(ResizeRule::kPad);
    case v1::RESIZE_RULE_STRETCH:
      return std::optional(ResizeRule::kStretch);
    default:
      return InvalidField(
          "image.resize",
          absl::StrCat(static_cast<int>(rule), " is not a resize rule"));
  }
}

}  // namespace

absl::StatusOr<EntryPoint> ReadSourceImage(const v1::SourceImage& source,
                                           const CascadeSpec& cascade,
                                           int64_t max_pixels) {
  ASSIGN_OR_RETURN(const ImageHeader header, ReadHeader(source, max_pixels));
  ASSIGN_OR_RETURN(const int first_stage, FirstStage(source, header, cascade));
  ASSIGN_OR_RETURN(const std::optional<ResizeRule> rule, Rule(source.resize()));
  const StageSpec& stage = cascade.stages[static_cast<size_t>(first_stage)];
  const int channels =
      cascade.stages[static_cast<size_t>(first_stage) - 1].channels;
  const bool fits = Fits(header, stage);
  if (!fits && !rule.has_value()) {
    return InvalidField(
        "image.resize",
        absl::StrCat("unset, and the image is ", Size(header), " where stage ",
                     first_stage, " takes ", stage.low_resolution, " x ",
                     stage.low_resolution));
  }
  absl::StatusOr<HostImage> image =
      DecodeImage(BytesOf(source), channels, max_pixels);
  if (!image.ok()) {
    return InvalidField("image.data", std::string(image.status().message()));
  }
  if (!fits) {
    ASSIGN_OR_RETURN(image, ResizeImage(*image, stage.low_resolution, *rule));
  }
  return EntryPoint{first_stage,
                    std::make_shared<const HostStageOutput>(
                        channels, stage.low_resolution, ToModelRange(*image))};
}

}  // namespace cascade
