#include "client/reply_check.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

constexpr size_t kMaxProblems = 16;

}  // namespace

ReplyCheck::ReplyCheck(const v1::GenerateImageRequest& request)
    : request_(request),
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
  if (request_.has_seed() && request_.seed() != seed_) {
    Refuse(absl::StrCat("seed ", seed_, " instead of ", request_.seed()));
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
  if (started.stage() != image->stage + 1) {
    Refuse(absl::StrCat("image ", started.image_index(), " enters stage ",
                        started.stage(), " after stage ", image->stage));
  }
  *image = {started.stage(), 0, false};
}

void ReplyCheck::AddPreview(const v1::Preview& preview) {
  Progress* image = Find(preview.image_index(), preview.image_seed());
  if (image == nullptr) return;
  if (preview.stage() != image->stage || image->has_image) {
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
  if (image.stage() != progress->stage || progress->has_image) {
    Refuse(
        absl::StrCat("the image of stage ", image.stage(), " is out of order"));
  }
  progress->has_image = true;
  CheckPixels(image.image());
}

void ReplyCheck::AddFinished(const v1::Finished& finished) {
  finished_ = true;
  target_stage_ = finished.record().target_stage();
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

std::vector<std::string> ReplyCheck::Problems(bool ended) const {
  std::vector<std::string> problems = problems_;
  if (!ended) return problems;
  if (!finished_) problems.push_back("`finished` is missing");
  for (int i = 0; i < image_count_ && problems.size() < kMaxProblems; ++i) {
    const auto image = images_.find(i);
    if (image == images_.end() || image->second.stage != target_stage_ ||
        !image->second.has_image) {
      problems.push_back(absl::StrCat("image ", i, " is missing"));
    }
  }
  return problems;
}

}  // namespace cascade
