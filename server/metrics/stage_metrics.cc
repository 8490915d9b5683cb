#include "server/metrics/stage_metrics.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "server/metrics/metric_family.h"

namespace cascade {
namespace {

prometheus::Labels With(prometheus::Labels labels, const char* name,
                        std::string value) {
  labels.emplace(name, std::move(value));
  return labels;
}

}  // namespace

void StageMetrics::RecordStep(const StepRecord& step) {
  const unsigned batch = static_cast<unsigned>(std::max(step.rows, 1));
  const int bucket =
      std::min(static_cast<int>(std::bit_width(batch - 1)), kNumRowBuckets - 1);
  step_seconds_[static_cast<size_t>(bucket)]->Observe(
      absl::ToDoubleSeconds(step.device_time));
  step_rows_->Increment(step.rows);
  step_images_->Increment(step.images);
  padded_rows_->Increment(step.padded_rows);
}

void StageMetrics::RecordWait(absl::Duration waited) {
  wait_seconds_->Observe(absl::ToDoubleSeconds(waited));
}

void StageMetrics::RecordImage(absl::Duration ran) {
  image_seconds_->Observe(absl::ToDoubleSeconds(ran));
}

void StageMetrics::RecordDelivery(absl::Duration since_arrival) {
  delivery_seconds_->Observe(absl::ToDoubleSeconds(since_arrival));
}

void StageMetrics::RecordWaste(absl::Duration device_time) {
  wasted_seconds_->Increment(absl::ToDoubleSeconds(device_time));
}

void StageMetrics::RecordSaved(absl::Duration device_time) {
  saved_seconds_->Increment(absl::ToDoubleSeconds(device_time));
}

void StageMetrics::RecordPark() { parks_->Increment(); }

void StageMetrics::RecordEnded(absl::StatusCode why) {
  ended_images_->Add(With(labels_, "outcome", absl::StatusCodeToString(why)))
      .Increment();
}

// The table of stages: every family with its name and its help.
StageFamilies::StageFamilies(prometheus::Registry& registry)
    : step_seconds_(Histograms(
          registry, "cascade_step_seconds",
          "Device time of a step, by cascade, stage and batch (at most this "
          "many network rows: 1, 2, 4 ...).")),
      step_rows_(Counters(registry, "cascade_step_rows_total",
                          "Network rows computed for images, by cascade and "
                          "stage.")),
      step_images_(Counters(registry, "cascade_step_images_total",
                            "Images in steps, by cascade and stage: fewer than "
                            "rows where guidance applies.")),
      padded_rows_(Counters(registry, "cascade_padded_rows_total",
                            "Network rows computed for nobody, to fill up a "
                            "batch, by cascade and stage.")),
      wait_seconds_(Histograms(registry, "cascade_stage_wait_seconds",
                               "Time of an image from ready for a stage to its "
                               "first step in it, by cascade and stage.")),
      image_seconds_(Histograms(registry, "cascade_stage_seconds",
                                "Time of an image from its first step in a "
                                "stage to its last, by cascade and stage.")),
      delivery_seconds_(Histograms(
          registry, "cascade_stage_image_seconds",
          "Time from a call's arrival to an image of a stage being handed to "
          "gRPC, by cascade and stage.")),
      wasted_seconds_(Counters(
          registry, "cascade_wasted_device_seconds_total",
          "Device time spent on images that nobody will see, by cascade and "
          "stage.")),
      saved_seconds_(Counters(
          registry, "cascade_saved_device_seconds_total",
          "Device time that the early end of jobs left undone, by cascade and "
          "stage that their images were in.")),
      parks_(Counters(registry, "cascade_parks_total",
                      "Images that lost their slot for a time to a better "
                      "priority, by cascade and stage.")),
      ended_images_(Counters(
          registry, "cascade_ended_images_total",
          "Images whose job ended before they had left a stage or begun it, by "
          "cascade, stage and outcome (a status code).")) {}

std::unique_ptr<StageMetrics> StageFamilies::Make(const std::string& cascade,
                                                  const std::string& stage) {
  auto metrics = std::make_unique<StageMetrics>();
  const prometheus::Labels labels = {{"cascade", cascade}, {"stage", stage}};
  for (int i = 0; i < StageMetrics::kNumRowBuckets; ++i) {
    metrics->step_seconds_[static_cast<size_t>(i)] = &step_seconds_.Add(
        With(labels, "batch", std::to_string(1 << i)), StepBuckets());
  }
  metrics->step_rows_ = &step_rows_.Add(labels);
  metrics->step_images_ = &step_images_.Add(labels);
  metrics->padded_rows_ = &padded_rows_.Add(labels);
  metrics->wait_seconds_ = &wait_seconds_.Add(labels, WaitBuckets());
  metrics->image_seconds_ = &image_seconds_.Add(labels, RequestBuckets());
  metrics->delivery_seconds_ = &delivery_seconds_.Add(labels, RequestBuckets());
  metrics->wasted_seconds_ = &wasted_seconds_.Add(labels);
  metrics->saved_seconds_ = &saved_seconds_.Add(labels);
  metrics->parks_ = &parks_.Add(labels);
  metrics->ended_images_ = &ended_images_;
  metrics->labels_ = labels;
  // Those that happen: a rate sees the first of each only if it begins at zero.
  for (const absl::StatusCode code :
       {absl::StatusCode::kCancelled, absl::StatusCode::kDeadlineExceeded,
        absl::StatusCode::kResourceExhausted, absl::StatusCode::kInternal,
        absl::StatusCode::kUnavailable}) {
    ended_images_.Add(With(labels, "outcome", absl::StatusCodeToString(code)));
  }
  return metrics;
}

}  // namespace cascade
