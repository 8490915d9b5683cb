#include "server/scheduler/effects.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/base/error_reason.h"

namespace cascade {
namespace {

FinishedEvent Finished(const Job& job, absl::Time now) {
  FinishedEvent finished;
  finished.queued = job.first_step.value_or(now) - job.admitted;
  finished.total = now - job.admitted;
  finished.reduced_for_deadline = job.reduced;
  finished.target_stage = job.request.target_stage;
  finished.stages = job.request.stages;
  finished.stages.resize(static_cast<size_t>(job.request.target_stage) + 1);
  for (size_t k = 0; k < finished.stages.size(); ++k) {
    const std::optional<int> stop = job.stages[k].table->stop_timestep;
    finished.stop_indices.push_back(
        stop.has_value() ? std::optional<int>(*stop + 1) : std::nullopt);
  }
  finished.timings = job.timings;
  std::sort(finished.timings.begin(), finished.timings.end(),
            [](const StageTiming& a, const StageTiming& b) {
              return std::pair(a.image_index, a.stage_index) <
                     std::pair(b.image_index, b.stage_index);
            });
  return finished;
}

}  // namespace

absl::Status ShutDownError() {
  return ErrorWithReason(absl::StatusCode::kUnavailable, kShutDown,
                         "the server is shutting down");
}

void Effects::AddEnd(const Job& job, const std::string& tenant,
                     absl::Status status, absl::Time now) {
  JobEnd& end = ends.emplace_back();
  end.events = job.events;
  end.status = std::move(status);
  end.finished = Finished(job, now);
  end.summary.tenant = tenant;
  end.summary.queued = end.finished.queued;
  end.summary.total = end.finished.total;
  end.cascade = job.request.cascade;
  end.images = job.request.image_count;
  for (const Image& image : job.images) {
    for (size_t k = 0; k < image.device_time.size(); ++k) {
      const absl::Duration spent = image.device_time[k];
      end.summary.device_time += spent;
      // A job that was cut short still delivered its lower stages.
      const bool is_used =
          image.finished ||
          (end.status.ok() && static_cast<int>(k) <= job.request.target_stage);
      if (is_used || spent == absl::ZeroDuration()) continue;
      passages.push_back({.stage = job.version->metrics[k], .wasted = spent});
    }
  }
}

void EffectRunner::Run(Effects effects) {
  for (const StagePassage& passage : effects.passages) {
    StageMetrics& metrics = *passage.stage;
    if (passage.waited.has_value()) metrics.RecordWait(*passage.waited);
    if (passage.ran.has_value()) metrics.RecordImage(*passage.ran);
    if (passage.wasted.has_value()) metrics.RecordWaste(*passage.wasted);
    if (passage.saved.has_value()) metrics.RecordSaved(*passage.saved);
    if (passage.ended.has_value()) metrics.RecordEnded(*passage.ended);
    if (passage.parked) metrics.RecordPark();
  }
  for (const TenantCharge& charge : effects.charges) {
    charge.tenant->RecordDeviceTime(charge.device_time);
  }
  for (JobEnd& end : effects.ends) {
    metrics_.RecordJob({.cascade = end.cascade,
                        .status = end.status,
                        .images = end.images,
                        .queued = end.finished.queued,
                        .total = end.finished.total});
    if (end.status.ok()) end.events->Push(std::move(end.finished));
    end.events->Close(std::move(end.status), std::move(end.summary));
  }
}

void EffectRunner::ReportRefusal(const std::string& cascade,
                                 const absl::Status& status) {
  metrics_.RecordJob({.cascade = cascade, .status = status});
}

}  // namespace cascade
