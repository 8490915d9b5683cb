#include "client/stream_join.h"

#include <string_view>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace cascade {

absl::StatusOr<bool> StreamJoin::Take(const v1::GenerateImageResponse& event) {
  const bool is_first = !has_begun_;
  has_begun_ = true;
  switch (event.event_case()) {
    case v1::GenerateImageResponse::kQueued:
      return is_first;
    case v1::GenerateImageResponse::kStageStarted: {
      const v1::StageStarted& started = event.stage_started();
      return !std::exchange(At(started.image_index(), started.stage()).started,
                            true);
    }
    case v1::GenerateImageResponse::kPreview: {
      const v1::Preview& preview = event.preview();
      Progress& progress = At(preview.image_index(), preview.stage());
      if (preview.steps_done() <= progress.steps_done ||
          progress.picture.has_value()) {
        return false;
      }
      progress.steps_done = preview.steps_done();
      return true;
    }
    case v1::GenerateImageResponse::kStageImage: {
      const v1::StageImage& image = event.stage_image();
      Progress& progress = At(image.image_index(), image.stage());
      const size_t picture =
          absl::HashOf(std::string_view(image.image().data()));
      const std::optional<size_t> before =
          std::exchange(progress.picture, picture);
      if (!before.has_value() || *before == picture) return !before.has_value();
      return absl::AbortedError(absl::StrCat(
          "the server that took over draws image ", image.image_index(),
          " with other bytes in stage ", image.stage(),
          ": it has another build, instruction set or model"));
    }
    case v1::GenerateImageResponse::kFinished:
      has_finished_ = true;
      return true;
    case v1::GenerateImageResponse::EVENT_NOT_SET:
      // Of a newer API than this client knows.
      return true;
  }
  return true;
}

}  // namespace cascade
