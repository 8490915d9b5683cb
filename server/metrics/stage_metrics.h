#pragma once

#include <array>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/labels.h"
#include "prometheus/registry.h"

namespace cascade {

// A step of a stage, as it ran.
struct StepRecord {
  int rows = 0;  // Network rows for images.
  int images = 0;
  int padded_rows = 0;  // Network rows for nobody.
  absl::Duration device_time;
};

// What is measured of one stage. Made by Metrics::Stage(); cheap enough for
// every step. Thread-safe.
class StageMetrics {
 public:
  void RecordStep(const StepRecord& step);
  // An image began its first step, having waited for the stage.
  void RecordWait(absl::Duration waited);
  // An image ran its last step, this long after its first.
  void RecordImage(absl::Duration ran);
  // Its image went to a client, this long after the call had come.
  void RecordDelivery(absl::Duration since_arrival);
  // Device time spent on an image that nobody will see.
  void RecordWaste(absl::Duration device_time);
  // Device time that the end of a job left undone.
  void RecordSaved(absl::Duration device_time);
  // An image lost its slot to one of a higher priority.
  void RecordPark();
  // An image left unfinished, or will never begin.
  void RecordEnded(absl::StatusCode why);

 private:
  friend class StageFamilies;
  // Batches of up to 1, 2, 4 ... 1024 rows.
  static constexpr int kNumRowBuckets = 11;

  std::array<prometheus::Histogram*, kNumRowBuckets> step_seconds_ = {};
  prometheus::Counter* step_rows_ = nullptr;
  prometheus::Counter* step_images_ = nullptr;
  prometheus::Counter* padded_rows_ = nullptr;
  prometheus::Histogram* wait_seconds_ = nullptr;
  prometheus::Histogram* image_seconds_ = nullptr;
  prometheus::Histogram* delivery_seconds_ = nullptr;
  prometheus::Counter* wasted_seconds_ = nullptr;
  prometheus::Counter* saved_seconds_ = nullptr;
  prometheus::Counter* parks_ = nullptr;
  // Looked up: jobs end much more seldom than steps do.
  prometheus::Family<prometheus::Counter>* ended_images_ = nullptr;
  prometheus::Labels labels_;
};

// Every family whose series belong to stages.
class StageFamilies {
 public:
  // `registry` outlives the families.
  explicit StageFamilies(prometheus::Registry& registry);

  // Adds the series of a stage. Once for each.
  std::unique_ptr<StageMetrics> Make(const std::string& cascade,
                                     const std::string& stage);

 private:
  prometheus::Family<prometheus::Histogram>& step_seconds_;
  prometheus::Family<prometheus::Counter>& step_rows_;
  prometheus::Family<prometheus::Counter>& step_images_;
  prometheus::Family<prometheus::Counter>& padded_rows_;
  prometheus::Family<prometheus::Histogram>& wait_seconds_;
  prometheus::Family<prometheus::Histogram>& image_seconds_;
  prometheus::Family<prometheus::Histogram>& delivery_seconds_;
  prometheus::Family<prometheus::Counter>& wasted_seconds_;
  prometheus::Family<prometheus::Counter>& saved_seconds_;
  prometheus::Family<prometheus::Counter>& parks_;
  prometheus::Family<prometheus::Counter>& ended_images_;
};

}  // namespace cascade
