#include "client/live_view.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/plain_view.h"
#include "client/terminal_picture.h"

namespace cascade {
namespace {

constexpr int kBarWidth = 24;
// Lines beside the pictures: title, state, the cursor's.
constexpr int kOtherLines = 3;

size_t NumStages(int first_stage, int target_stage) {
  return target_stage < first_stage
             ? 0
             : static_cast<size_t>(target_stage - first_stage) + 1;
}

std::string Bar(int done, int total) {
  const int filled = total == 0 ? 0 : kBarWidth * done / total;
  std::string bar;
  for (int i = 0; i < kBarWidth; ++i) {
    bar += i < filled ? "\u2588" : "\u2591";
  }
  return bar;
}

}  // namespace

LiveView::LiveView(v1::Cascade cascade, std::string title, int first_stage,
                   int target_stage, int image_count, bool draw,
                   const Terminal& terminal)
    : cascade_(std::move(cascade)),
      title_(std::move(title)),
      first_stage_(std::clamp(first_stage, 0, cascade_.stages_size())),
      draw_(draw),
      terminal_(terminal),
      state_("connecting"),
      stages_(NumStages(first_stage_,
                        std::min(target_stage, cascade_.stages_size() - 1))) {
  for (Stage& stage : stages_) {
    stage.steps_done.resize(static_cast<size_t>(image_count));
  }
  if (!draw_ || stages_.empty()) return;
  const int num_stages = static_cast<int>(stages_.size());
  const int resolution =
      cascade_.stages(first_stage_ + num_stages - 1).resolution();
  const int room = 2 * (terminal_.rows - kOtherLines - num_stages);
  picture_size_ = std::max(
      4, std::min({resolution, terminal_.columns - 2, std::max(4, room)}));
  drawn_images_ = std::clamp(terminal_.columns / (picture_size_ + 2), 1,
                             std::max(1, image_count));
  pictures_.resize(static_cast<size_t>(drawn_images_));
}

void LiveView::AddSteps(int stage, int image, int steps_done, int num_steps) {
  const int place = stage - first_stage_;
  if (place < 0 || static_cast<size_t>(place) >= stages_.size()) return;
  Stage& progress = stages_[static_cast<size_t>(place)];
  progress.num_steps = num_steps;
  if (image < 0 || static_cast<size_t>(image) >= progress.steps_done.size()) {
    return;
  }
  progress.steps_done[static_cast<size_t>(image)] = steps_done;
  if (steps_done == num_steps) ++progress.images_done;
}

void LiveView::AddPicture(int image, const v1::Image& picture) {
  if (image >= 0 && image < drawn_images_) {
    pictures_[static_cast<size_t>(image)] = picture;
  }
}

void LiveView::Show(const v1::GenerateImageResponse& event,
                    const WrittenFiles& files) {
  switch (event.event_case()) {
    case v1::GenerateImageResponse::kQueued:
      state_ = absl::StrCat("queued, ", event.queued().position(),
                            " images ahead, seed ", event.queued().seed());
      break;
    case v1::GenerateImageResponse::kStageStarted: {
      const v1::StageStarted& started = event.stage_started();
      state_ = "running";
      AddSteps(started.stage(), started.image_index(), 0, started.num_steps());
      break;
    }
    case v1::GenerateImageResponse::kPreview: {
      const v1::Preview& preview = event.preview();
      AddSteps(preview.stage(), preview.image_index(), preview.steps_done(),
               preview.num_steps());
      AddPicture(preview.image_index(), preview.image());
      break;
    }
    case v1::GenerateImageResponse::kStageImage: {
      const v1::StageImage& image = event.stage_image();
      AddSteps(image.stage(), image.image_index(), image.num_steps(),
               image.num_steps());
      AddPicture(image.image_index(), image.image());
      for (const std::string* file : {&files.picture, &files.state}) {
        if (!file->empty()) files_.push_back(*file);
      }
      break;
    }
    case v1::GenerateImageResponse::kFinished:
      state_ = Summary(event.finished());
      break;
    case v1::GenerateImageResponse::EVENT_NOT_SET:
      break;
  }
  Redraw();
}

std::string LiveView::StageLine(size_t place) const {
  const Stage& stage = stages_[place];
  const int images = static_cast<int>(stage.steps_done.size());
  const int done =
      std::accumulate(stage.steps_done.begin(), stage.steps_done.end(), 0);
  return absl::StrFormat(
      "  %-18s %s %d/%d images",
      StageLabel(cascade_, first_stage_ + static_cast<int>(place)),
      Bar(done, stage.num_steps * images), stage.images_done, images);
}

std::vector<std::string> LiveView::Lines() const {
  std::vector<std::string> lines = {title_};
  if (draw_) {
    std::vector<const v1::Image*> pictures;
    for (const v1::Image& picture : pictures_) pictures.push_back(&picture);
    for (std::string& line :
         DrawPictures(pictures, picture_size_, terminal_.colors)) {
      lines.push_back(std::move(line));
    }
  }
  for (size_t k = 0; k < stages_.size(); ++k) lines.push_back(StageLine(k));
  // The summary has more than one line, at the end.
  lines.push_back(state_);
  return lines;
}

void LiveView::Redraw() {
  std::string frame;
  if (lines_on_screen_ > 0) {
    absl::StrAppend(&frame, "\x1b[", lines_on_screen_, "A\r");
  }
  const std::vector<std::string> lines = Lines();
  for (const std::string& line : lines) {
    absl::StrAppend(&frame, line, "\x1b[K\n");
  }
  lines_on_screen_ = lines.size();
  std::fwrite(frame.data(), 1, frame.size(), stdout);
  std::fflush(stdout);
}

void LiveView::Restart(const CallStatus& ended) {
  state_ = RestartText(ended);
  Redraw();
}

void LiveView::End(const CallStatus& status) {
  if (!status.ok()) {
    std::fprintf(stderr, "cascade: %s\n", Explain(status).c_str());
    return;
  }
  for (const std::string& file : files_) std::printf("%s\n", file.c_str());
}

}  // namespace cascade
