#pragma once

#include "cascade/v1/cascade_service.pb.h"
#include "client/event_view.h"
#include "client/terminal.h"

namespace cascade {

// A line for each thing that happens, for logs and pipes.
class PlainView : public EventView {
 public:
  // `draw`: stage images are drawn below their lines, too.
  PlainView(v1::Cascade cascade, bool draw, const Terminal& terminal);

  void Show(const v1::GenerateImageResponse& event,
            const WrittenFiles& files) override;
  void Restart(const CallStatus& ended) override;
  void End(const CallStatus& status) override;

 private:
  const v1::Cascade cascade_;
  const bool draw_;
  const Terminal terminal_;
};

// "stage 1 (16x16)".
std::string StageLabel(const v1::Cascade& cascade, int stage);
// Why a request is asked again.
std::string RestartText(const CallStatus& ended);
// What `finished` says, in a few lines.
std::string Summary(const v1::Finished& finished);

}  // namespace cascade
