#include "client/reply_check.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

constexpr size_t kMaxProblems = 16;

std::optional<uint64_t> WantedSeed(const v1::UpscaleImageRequest& request) {
  if (request.has_seed()) return request.seed();
  if (request.has_state()) return request.state().image_seed();
  return std::nullopt;
}

std::optional<int> WantedFirstStage(const v1::UpscaleImageRequest& request) {
  if (request.has_state()) return request.state().stage() + 1;
  if (request.image().has_first_stage()) return request.image().first_stage();
  return std::nullopt;
}

}  // namespace

ReplyCheck::ReplyCheck(const v1::GenerateImageRequest& request)
    : wanted_seed_(request.has_seed() ? std::optional(request.seed())
                                      : std::nullopt),
      first_stage_(0),
      returns_state_(request.return_stage_state()),
      image_count_(request.has_image_count() ? request.image_count() : 1) {}

ReplyCheck::ReplyCheck(const v1::UpscaleImageRequest& request)
    : wanted_seed_(WantedSeed(request)),
      first_stage_(WantedFirstStage(request)),
      returns_state_(request.return_stage_state()),
      image_count_(request.has_image_count() ? request.image_count() : 1) {}

void ReplyCheck::Refuse(std::string problem) {
  if (problems_.size() < kMaxProblems) problems_.push_back(std::move(problem));
}

void ReplyCheck::Add(const v1::GenerateImageResponse& response) {
  using Response = v1::GenerateImageResponse;
  if (finished_) Refuse("an event follows `finished`");
  if (!queued_ && response.event_case() != Response::kQueued) {
    Refuse("the first event is not `queued`");
  }
  switch (response.event_case()) {
    case Response::kQueued:
      AddQueued(response.queued());
      break;
    case Response::kStageStarted:
      AddStarted(response.stage_started());
      break;
    case Response::kPreview:
      AddPreview(response.preview());
      break;
    case Response::kStageImage:
      AddImage(response.stage_image());
      break;
    case Response::kFinished:
      AddFinished(response.finished());
      break;
    case Response::EVENT_NOT_SET:
      Refuse("an event is empty");
      break;
  }
}

void ReplyCheck::AddQueued(const v1::Queued& queued) {
  if (queued_) Refuse("`queued` comes twice");
  queued_ = true;
  seed_ = queued.seed();
  if (wanted_seed_.has_value() && *wanted_seed_ != seed_) {
    Refuse(absl::StrCat("seed ", seed_, " instead of ", *wanted_seed_));
  }
}

ReplyCheck::Progress* ReplyCheck::Find(int image_index, uint64_t image_seed) {
  if (image_index < 0 || image_index >= image_count_) {
    Refuse(absl::StrCat("there is no image ", image_index));
    return nullptr;
  }
  if (image_seed != seed_ + static_cast<uint64_t>(image_index)) {
    Refuse(absl::StrCat("image ", image_index, " has seed ", image_seed));
  }
  return &images_[image_index];
}

void ReplyCheck::AddStarted(const v1::StageStarted& started) {
  Progress* image = Find(started.image_index(), started.image_seed());
  if (image == nullptr) return;
  const std::optional<int> expected =
      image->stage.has_value() ? *image->stage + 1 : first_stage_;
  if (expected.has_value() && started.stage() != *expected) {
    Refuse(absl::StrCat("image ", started.image_index(), " enters stage ",
                        started.stage(), " where ", *expected, " is the next"));
  }
  image->stage = started.stage();
  image->steps_done = 0;
}

void ReplyCheck::AddPreview(const v1::Preview& preview) {
  Progress* image = Find(preview.image_index(), preview.image_seed());
  if (image == nullptr) return;
  if (preview.stage() != image->stage ||
      image->images.contains(preview.stage())) {
    Refuse(absl::StrCat("a preview of stage ", preview.stage(),
                        " is out of order"));
  }
  if (preview.steps_done() <= image->steps_done ||
      preview.steps_done() >= preview.num_steps()) {
    Refuse(absl::StrCat("a preview after ", preview.steps_done(), " of ",
                        preview.num_steps(), " steps is out of order"));
  }
  image->steps_done = preview.steps_done();
  CheckPixels(preview.image());
}

void ReplyCheck::AddImage(const v1::StageImage& image) {
  Progress* progress = Find(image.image_index(), image.image_seed());
  if (progress == nullptr) return;
  if (image.stage() != progress->stage ||
      progress->images.contains(image.stage())) {
    Refuse(
        absl::StrCat("the image of stage ", image.stage(), " is out of order"));
  }
  progress->images[image.stage()] = image.has_state();
  CheckPixels(image.image());
  if (image.has_state()) CheckState(image);
}

void ReplyCheck::AddFinished(const v1::Finished& finished) {
  finished_ = true;
  target_stage_ = finished.record().target_stage();
  is_reduced_ = finished.record().reduced_for_deadline();
  if (finished.record().image_seeds_size() != image_count_) {
    Refuse(absl::StrCat("`finished` has ", finished.record().image_seeds_size(),
                        " seeds for ", image_count_, " images"));
  }
}

void ReplyCheck::CheckPixels(const v1::Image& image) {
  const int64_t pixels = int64_t{image.width()} * image.height();
  if (pixels <= 0 || image.data().empty()) Refuse("an image is empty");
  if (image.format() == v1::IMAGE_FORMAT_RAW &&
      pixels * image.channels() != static_cast<int64_t>(image.data().size())) {
    Refuse(absl::StrCat("a raw image of ", image.data().size(),
                        " bytes says it is ", image.width(), "x",
                        image.height(), "x", image.channels()));
  }
}

void ReplyCheck::CheckState(const v1::StageImage& image) {
  const v1::StageState& state = image.state();
  if (!returns_state_) Refuse("a state that was not asked for");
  if (state.image_seed() != image.image_seed() ||
      state.stage() != image.stage()) {
    Refuse(absl::StrCat("the state of image ", image.image_seed(), " in stage ",
                        image.stage(), " says it is of image ",
                        state.image_seed(), " in stage ", state.stage()));
  }
  const int64_t numbers =
      int64_t{state.resolution()} * state.resolution() * state.channels();
  if (numbers * static_cast<int64_t>(sizeof(float)) !=
      static_cast<int64_t>(state.values().size())) {
    Refuse(absl::StrCat("a state of ", state.values().size(),
                        " bytes says it has ", numbers, " numbers"));
  }
}

bool ReplyCheck::HasEnded(const Progress& image) const {
  // When the time is up, an image may be beyond what all of them have.
  return image.images.contains(target_stage_) &&
         (is_reduced_ || image.stage == target_stage_);
}

std::vector<std::string> ReplyCheck::Problems(bool ended) const {
  std::vector<std::string> problems = problems_;
  if (!ended) return problems;
  if (!finished_) problems.emplace_back("`finished` is missing");
  for (int i = 0; i < image_count_ && problems.size() < kMaxProblems; ++i) {
    const auto image = images_.find(i);
    if (image == images_.end() || !HasEnded(image->second)) {
      problems.push_back(absl::StrCat("image ", i, " is missing"));
    } else if (returns_state_ && !image->second.images.at(target_stage_)) {
      problems.push_back(absl::StrCat("the state of image ", i, " is missing"));
    }
  }
  return problems;
}

}  // namespace cascade
