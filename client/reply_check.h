#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cascade/v1/image_generation_service.pb.h"

namespace cascade {

// Checks that the events of one stream are what the API promises: their order,
// one start and at most one image per image and stage, sizes that belong to the
// bytes, and the seeds and states that were asked for. Owned by one thread.
class ReplyCheck {
 public:
  explicit ReplyCheck(const v1::GenerateImageRequest& request);
  // Of a stream of UpscaleImage, whose events are the same.
  explicit ReplyCheck(const v1::UpscaleImageRequest& request);

  void Add(const v1::GenerateImageResponse& response);

  // What was wrong so far. `ended`: the stream ended with OK, so that
  // everything must be there.
  std::vector<std::string> Problems(bool ended) const;

 private:
  // Where an image is.
  struct Progress {
    std::optional<int> stage;  // The last one that started.
    int steps_done = 0;        // In that stage, as far as previews tell.
    // The stages whose image came, and whether their state did.
    std::map<int, bool> images;
  };

  void AddQueued(const v1::Queued& queued);
  void AddStarted(const v1::StageStarted& started);
  void AddPreview(const v1::Preview& preview);
  void AddImage(const v1::StageImage& image);
  void AddFinished(const v1::Finished& finished);
  // The image that an event is about, or null when there is no such.
  Progress* Find(int image_index, uint64_t image_seed);
  void CheckPixels(const v1::Image& image);
  bool HasEnded(const Progress& image) const;
  void CheckState(const v1::StageImage& image);
  void Refuse(std::string problem);

  // What was asked for.
  const std::optional<uint64_t> wanted_seed_;
  const std::optional<int> first_stage_;  // None: the server chooses.
  const bool returns_state_;
  uint64_t seed_ = 0;
  bool queued_ = false;
  bool finished_ = false;
  // As `finished` tells.
  int target_stage_ = -1;
  bool is_reduced_ = false;
  const int image_count_;
  std::map<int, Progress> images_;  // Those that were heard of.
  std::vector<std::string> problems_;
};

}  // namespace cascade
