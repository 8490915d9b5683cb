#include "models/evaluation/image_judge.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/evaluation/class_accuracy.h"
#include "models/evaluation/frechet_distance.h"
#include "models/evaluation/image_digest.h"
#include "models/evaluation/inception_score.h"
#include "models/evaluation/precision_recall.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

constexpr int64_t kReportEvery = 2048;

absl::StatusOr<Moments> MomentsOf(const FeatureSet& set) {
  Moments moments(set.dimensions);
  RETURN_IF_ERROR(moments.Add(set.features));
  return moments;
}

}  // namespace

std::vector<std::string> ImageJudge::FigureNames(
    const std::set<ImageMetric>& metrics,
    const std::vector<std::string>& references) {
  std::vector<std::string> names;
  for (const std::string& name : references) {
    if (metrics.contains(ImageMetric::kFrechet)) names.push_back("fid_" + name);
    if (metrics.contains(ImageMetric::kKernel)) {
      names.insert(names.end(), {"kid_" + name, "kid_spread_" + name});
    }
    if (metrics.contains(ImageMetric::kPrecisionRecall)) {
      names.insert(names.end(), {"precision_" + name, "recall_" + name});
    }
  }
  if (metrics.contains(ImageMetric::kInceptionScore)) {
    names.insert(names.end(), {"inception_score", "inception_score_spread"});
  }
  if (metrics.contains(ImageMetric::kClass)) {
    names.insert(names.end(), {"class_found", "class_found_top5"});
  }
  return names;
}

ImageJudge::ImageJudge(const FeatureNetwork& network, Options options)
    : network_(network), options_(std::move(options)), cache_(options_.cache) {}

bool ImageJudge::Wants(ImageMetric metric) const {
  return options_.metrics.contains(metric);
}

void ImageJudge::AddReference(std::string name, ImageSet images) {
  references_.push_back({.name = std::move(name), .images = std::move(images)});
}

absl::StatusOr<FeatureSet> ImageJudge::Features(const ImageSet& images,
                                                const std::string& name) const {
  at::set_num_threads(options_.threads);
  return FeaturesOf(network_, images, [&](int64_t done) {
    if (options_.report &&
        (done % kReportEvery == 0 || done == images.count())) {
      options_.report(absl::StrCat("features of ", name, ": ", done, " of ",
                                   images.count(), " images"));
    }
  });
}

absl::Status ImageJudge::NeedFeatures(Reference& reference) const {
  if (reference.features.count > 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(reference.features,
                   Features(reference.images, reference.name));
  return absl::OkStatus();
}

absl::Status ImageJudge::NeedMoments(Reference& reference) const {
  if (reference.moments) return absl::OkStatus();
  const MomentsCache::Key key = {.features = network_.id(),
                                 .images = ImageDigest(reference.images),
                                 .count = reference.images.count()};
  ASSIGN_OR_RETURN(reference.moments, cache_.Find(key));
  if (reference.moments) return absl::OkStatus();
  RETURN_IF_ERROR(NeedFeatures(reference));
  ASSIGN_OR_RETURN(reference.moments, MomentsOf(reference.features));
  RETURN_IF_ERROR(cache_.Keep(key, *reference.moments));
  return absl::OkStatus();
}

absl::Status ImageJudge::Compare(const FeatureSet& samples,
                                 Reference& reference,
                                 std::vector<Figure>* figures) const {
  const std::string& name = reference.name;
  if (Wants(ImageMetric::kFrechet)) {
    RETURN_IF_ERROR(NeedMoments(reference));
    ASSIGN_OR_RETURN(const Moments moments, MomentsOf(samples));
    ASSIGN_OR_RETURN(const double distance,
                     FrechetDistance(moments, *reference.moments));
    figures->push_back({absl::StrCat("fid_", name), distance});
  }
  if (Wants(ImageMetric::kKernel)) {
    RETURN_IF_ERROR(NeedFeatures(reference));
    ASSIGN_OR_RETURN(
        const KernelDistance distance,
        MeasureKernelDistance(samples, reference.features, options_.kernel));
    figures->push_back({absl::StrCat("kid_", name), distance.mean});
    figures->push_back({absl::StrCat("kid_spread_", name), distance.spread});
  }
  if (Wants(ImageMetric::kPrecisionRecall)) {
    RETURN_IF_ERROR(NeedFeatures(reference));
    ASSIGN_OR_RETURN(const PrecisionRecall shares,
                     MeasurePrecisionRecall(samples, reference.features,
                                            options_.neighbours));
    figures->push_back({absl::StrCat("precision_", name), shares.precision});
    figures->push_back({absl::StrCat("recall_", name), shares.recall});
  }
  return absl::OkStatus();
}

absl::Status ImageJudge::JudgeAlone(const FeatureSet& samples,
                                    const ImageSet& images,
                                    Verdict* verdict) const {
  if (Wants(ImageMetric::kInceptionScore)) {
    const auto splits =
        static_cast<int>(std::min<int64_t>(options_.splits, samples.count));
    ASSIGN_OR_RETURN(const InceptionScore score,
                     MeasureInceptionScore(samples, splits, options_.seed));
    verdict->figures.push_back({"inception_score", score.mean});
    verdict->figures.push_back({"inception_score_spread", score.spread});
  }
  if (Wants(ImageMetric::kClass)) {
    if (images.class_names.size() != static_cast<size_t>(samples.classes)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the images have ", images.class_names.size(),
          " classes, the feature network knows ", samples.classes));
    }
    ASSIGN_OR_RETURN(const ClassAccuracy accuracy,
                     MeasureClassAccuracy(samples, images.labels));
    verdict->figures.push_back({"class_found", accuracy.top1});
    verdict->figures.push_back({"class_found_top5", accuracy.top5});
    verdict->class_found = accuracy.per_class;
  }
  return absl::OkStatus();
}

absl::StatusOr<ImageJudge::Verdict> ImageJudge::Judge(const ImageSet& samples) {
  const bool compares = Wants(ImageMetric::kFrechet) ||
                        Wants(ImageMetric::kKernel) ||
                        Wants(ImageMetric::kPrecisionRecall);
  if (compares && references_.empty()) {
    return absl::InvalidArgumentError(
        "fid, kid and pr need real images to compare with");
  }
  ASSIGN_OR_RETURN(const FeatureSet features, Features(samples, "samples"));
  Verdict verdict;
  for (Reference& reference : references_) {
    if (compares && (reference.images.size != samples.size ||
                     reference.images.channels != samples.channels)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the samples are ", samples.size, "x", samples.size, "x",
                       samples.channels, ", the real images of ",
                       reference.name, " ", reference.images.size, "x",
                       reference.images.size, "x", reference.images.channels));
    }
    RETURN_IF_ERROR(Compare(features, reference, &verdict.figures));
  }
  RETURN_IF_ERROR(JudgeAlone(features, samples, &verdict));
  return verdict;
}

}  // namespace cascade
