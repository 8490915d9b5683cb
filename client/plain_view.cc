#include "client/plain_view.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/terminal_picture.h"

namespace cascade {
namespace {

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
}

// What is not the same nearly everywhere.
void AppendSampler(const v1::SamplerOptions& sampler, std::string& text) {
  switch (sampler.threshold().kind()) {
    case v1::THRESHOLD_KIND_NONE:
      absl::StrAppend(&text, ", no threshold");
      break;
    case v1::THRESHOLD_KIND_DYNAMIC:
      absl::StrAppendFormat(&text, ", dynamic threshold %g",
                            sampler.threshold().quantile());
      break;
    default:
      break;
  }
  if (!sampler.has_schedule()) return;
  absl::StrAppendFormat(&text, ", %s schedule of %d timesteps",
                        sampler.schedule().kind() == v1::SCHEDULE_KIND_LINEAR
                            ? "linear"
                            : "cosine",
                        sampler.schedule().num_timesteps());
}

void PrintLine(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace

std::string StageLabel(const v1::Cascade& cascade, int stage) {
  if (stage < 0 || stage >= cascade.stages_size()) {
    return absl::StrCat("stage ", stage);
  }
  return absl::StrCat("stage ", stage, " (", cascade.stages(stage).name(), ")");
}

std::string Summary(const v1::Finished& finished) {
  const v1::GenerationRecord& record = finished.record();
  std::string text = absl::StrFormat(
      "done in %.3f s (%.3f s queued): seed %d, %d image%s",
      Seconds(finished.total_duration()), Seconds(finished.queued_duration()),
      record.seed(), record.image_seeds_size(),
      record.image_seeds_size() == 1 ? "" : "s");
  for (const v1::StageRecord& stage : record.stages()) {
    std::string sampler = v1::SamplerKind_Name(stage.sampler().kind());
    sampler.erase(0, std::string("SAMPLER_KIND_").size());
    absl::StrAppendFormat(&text, "\n  stage %d %-9s %s, %d steps, guidance %g",
                          stage.stage(), stage.name(), sampler,
                          stage.sampler().steps(), stage.guidance().scale());
    AppendSampler(stage.sampler(), text);
    if (stage.has_augmentation()) {
      absl::StrAppendFormat(&text, ", augmentation %g",
                            stage.augmentation().level());
      if (stage.augmentation().mode() == v1::AUGMENTATION_MODE_TRUNCATED) {
        absl::StrAppend(&text, " truncated");
      }
    }
    if (stage.has_stop_index()) {
      absl::StrAppend(&text, ", stopped at index ", stage.stop_index());
    }
  }
  if (record.reduced_for_deadline()) {
    absl::StrAppend(&text, "\n  less than was asked for, to meet the deadline");
  }
  return text;
}

std::string RestartText(const CallStatus& ended) {
  return absl::StrCat("asking again: ", Explain(ended));
}

PlainView::PlainView(v1::Cascade cascade, bool draw, const Terminal& terminal)
    : cascade_(std::move(cascade)), draw_(draw), terminal_(terminal) {}

void PlainView::Show(const v1::GenerateImageResponse& event,
                     const WrittenFiles& files) {
  switch (event.event_case()) {
    case v1::GenerateImageResponse::kQueued:
      PrintLine(absl::StrCat("queued, ", event.queued().position(),
                             " images ahead, seed ", event.queued().seed()));
      break;
    case v1::GenerateImageResponse::kStageStarted: {
      const v1::StageStarted& started = event.stage_started();
      PrintLine(absl::StrCat("image ", started.image_seed(), ": ",
                             StageLabel(cascade_, started.stage()), ", ",
                             started.num_steps(), " steps"));
      break;
    }
    case v1::GenerateImageResponse::kPreview: {
      const v1::Preview& preview = event.preview();
      PrintLine(absl::StrCat("image ", preview.image_seed(), ": ",
                             StageLabel(cascade_, preview.stage()), ", step ",
                             preview.steps_done(), " of ",
                             preview.num_steps()));
      break;
    }
    case v1::GenerateImageResponse::kStageImage: {
      const v1::StageImage& image = event.stage_image();
      std::string line =
          absl::StrCat("image ", image.image_seed(), ": ",
                       StageLabel(cascade_, image.stage()), " done",
                       image.is_estimate() ? " (an estimate)" : "");
      for (const std::string* file : {&files.picture, &files.state}) {
        if (!file->empty()) absl::StrAppend(&line, ": ", *file);
      }
      PrintLine(line);
      if (!draw_) break;
      const int size = std::min(image.image().width(), terminal_.columns - 2);
      for (const std::string& drawn :
           DrawPictures({&image.image()}, size, terminal_.colors)) {
        PrintLine(drawn);
      }
      break;
    }
    case v1::GenerateImageResponse::kFinished:
      PrintLine(Summary(event.finished()));
      break;
    case v1::GenerateImageResponse::EVENT_NOT_SET:
      break;
  }
}

void PlainView::Restart(const CallStatus& ended) {
  PrintLine(RestartText(ended));
}

void PlainView::End(const CallStatus& status) {
  if (!status.ok())
    std::fprintf(stderr, "cascade: %s\n", Explain(status).c_str());
}

}  // namespace cascade
