#pragma once

#include <memory>

#include "server/base/error_reason.h"
#include "server/metrics/metrics.h"

namespace cascade {

// Metrics of which every family has a series.
inline std::unique_ptr<Metrics> EveryMetric() {
  auto metrics = std::make_unique<Metrics>("0.1.0 cpu");
  metrics->AddCascade("digits");
  StageMetrics& stage = metrics->Stage("digits", "8x8");
  stage.RecordStep({.rows = 3,
                    .images = 2,
                    .padded_rows = 1,
                    .device_time = absl::Milliseconds(2)});
  stage.RecordWait(absl::Milliseconds(1));
  stage.RecordImage(absl::Milliseconds(4));
  stage.RecordWaste(absl::Milliseconds(5));
  stage.RecordSaved(absl::Milliseconds(6));
  stage.RecordPark();
  stage.RecordEnded(absl::StatusCode::kCancelled);
  metrics->Tenant("acme", "digits").RecordDeviceTime(absl::Milliseconds(7));
  metrics->RecordJob({.cascade = "digits",
                      .status = absl::OkStatus(),
                      .images = 2,
                      .queued = absl::Milliseconds(8),
                      .total = absl::Seconds(9)});
  metrics->RecordJob(
      {.cascade = "digits",
       .status = ErrorWithReason(absl::StatusCode::kResourceExhausted,
                                 kQueueFull, "")});
  metrics->CallStarted("GenerateImage");
  metrics->CallEnded("GenerateImage", absl::StatusCode::kOk, "",
                     absl::Seconds(10));
  metrics->FirstPreviewSent("digits", absl::Milliseconds(11));
  metrics->StageImageSent("digits", "8x8", absl::Milliseconds(12));
  metrics->ReaderStalled();
  metrics->PreviewsDropped(13);
  metrics->RecordEncode("png", absl::Milliseconds(14));
  StateMetrics& state = metrics->state();
  state.SetQueuedImages(15);
  state.SetStages({{.cascade = "digits",
                    .stage = "8x8",
                    .active = 16,
                    .waiting = 17,
                    .credits = 18,
                    .credit_limit = 19,
                    .backlog = absl::Seconds(20),
                    .efficient_rows = 21}});
  state.SetLanes({{.lane = 0, .device = "cpu", .busy = absl::Seconds(22)}});
  state.SetCascades({{.cascade = "digits",
                      .digest = "abc",
                      .load_time = absl::Seconds(23),
                      .memory = {{"8x8", "cpu", 24}}}});
  state.SetReady(true);
  state.SetLogLinesDropped(25);
  return metrics;
}

}  // namespace cascade
