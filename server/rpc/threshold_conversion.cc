#include "server/rpc/threshold_conversion.h"

#include <cmath>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

std::optional<ThresholdKind> FromProto(v1::ThresholdKind kind) {
  switch (kind) {
    case v1::THRESHOLD_KIND_NONE:
      return ThresholdKind::kNone;
    case v1::THRESHOLD_KIND_STATIC:
      return ThresholdKind::kStatic;
    case v1::THRESHOLD_KIND_DYNAMIC:
      return ThresholdKind::kDynamic;
    default:
      return std::nullopt;
  }
}

void ApplyThresholdKind(const StageEntries& entries,
                        ThresholdOptions& threshold, FieldCheck& check) {
  const StageEntry& entry = entries.With([](const v1::StageOptions& options) {
    return options.sampler().threshold().kind() !=
           v1::THRESHOLD_KIND_UNSPECIFIED;
  });
  if (entry.options == nullptr) return;
  const v1::ThresholdKind value = entry.options->sampler().threshold().kind();
  const std::optional<ThresholdKind> kind = FromProto(value);
  if (!kind.has_value()) {
    check.Refuse(SubField(entry.field, "sampler.threshold.kind"),
                 absl::StrCat(static_cast<int>(value), " is not a threshold"));
  } else if (*kind != threshold.kind) {
    // The default's other settings belong to the default's kind.
    threshold = {.kind = *kind};
  }
}

}  // namespace

void ApplyThreshold(const StageEntries& entries, const StageSpec& stage,
                    ThresholdOptions& threshold, FieldCheck& check) {
  ApplyThresholdKind(entries, threshold, check);
  const auto is_dynamic = [&](const std::string& field, double value) {
    if (threshold.kind == ThresholdKind::kDynamic) return true;
    check.Refuse(field, absl::StrCat(value,
                                     ": only a dynamic threshold takes "
                                     "it, and ",
                                     StageTitle(stage), " has another"));
    return false;
  };
  const StageEntry& quantile =
      entries.With([](const v1::StageOptions& options) {
        return options.sampler().threshold().has_quantile();
      });
  if (quantile.options != nullptr) {
    const std::string field =
        SubField(quantile.field, "sampler.threshold.quantile");
    const double value = quantile.options->sampler().threshold().quantile();
    if (check.InRange(field, value, 0.0, 1.0) && is_dynamic(field, value)) {
      threshold.quantile = value;
    }
  }
  const StageEntry& max = entries.With([](const v1::StageOptions& options) {
    return options.sampler().threshold().has_max();
  });
  if (max.options == nullptr) return;
  const std::string field = SubField(max.field, "sampler.threshold.max");
  const double value = max.options->sampler().threshold().max();
  if (!(value >= 1)) {
    check.Refuse(field, absl::StrCat(value, " is below 1"));
  } else if (is_dynamic(field, value)) {
    threshold.max = value;
  }
}

v1::Threshold ThresholdToProto(const ThresholdOptions& options) {
  v1::Threshold proto;
  switch (options.kind) {
    case ThresholdKind::kNone:
      proto.set_kind(v1::THRESHOLD_KIND_NONE);
      break;
    case ThresholdKind::kStatic:
      proto.set_kind(v1::THRESHOLD_KIND_STATIC);
      break;
    case ThresholdKind::kDynamic:
      proto.set_kind(v1::THRESHOLD_KIND_DYNAMIC);
      proto.set_quantile(options.quantile);
      if (std::isfinite(options.max)) proto.set_max(options.max);
      break;
  }
  return proto;
}

}  // namespace cascade
