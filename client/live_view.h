#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cascade/v1/cascade_service.pb.h"
#include "client/event_view.h"
#include "client/terminal.h"

namespace cascade {

// A bar for each stage, redrawn in place, and above them the latest picture of
// each image if asked for. For terminals.
class LiveView : public EventView {
 public:
  // `title` heads the display. The stages from `first_stage` to `target_stage`
  // of the cascade run.
  LiveView(v1::Cascade cascade, std::string title, int first_stage,
           int target_stage, int image_count, bool draw,
           const Terminal& terminal);

  void Show(const v1::GenerateImageResponse& event,
            const WrittenFiles& files) override;
  void Restart(const CallStatus& ended) override;
  void End(const CallStatus& status) override;

  // What is on the screen now, line by line.
  std::vector<std::string> Lines() const;

 private:
  struct Stage {
    int num_steps = 0;
    std::vector<int> steps_done;  // By image.
    int images_done = 0;
  };

  std::string StageLine(size_t place) const;
  void AddSteps(int stage, int image, int steps_done, int num_steps);
  void AddPicture(int image, const v1::Image& picture);
  void Redraw();

  const v1::Cascade cascade_;
  const std::string title_;
  const int first_stage_;
  const bool draw_;
  const Terminal terminal_;
  int drawn_images_ = 0;
  int picture_size_ = 0;
  std::string state_;
  std::vector<Stage> stages_;        // From first_stage_ on.
  std::vector<v1::Image> pictures_;  // The latest of each drawn image.
  std::vector<std::string> files_;
  size_t lines_on_screen_ = 0;
};

}  // namespace cascade
