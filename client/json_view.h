#pragma once

#include "client/event_view.h"

namespace cascade {

// One JSON object a line on standard output, for scripts: every event, and an
// error if that is how the call ends.
class JsonView : public EventView {
 public:
  void Show(const v1::GenerateImageResponse& event,
            const WrittenFiles& files) override;
  void Restart(const CallStatus& ended) override;
  void End(const CallStatus& status) override;
};

}  // namespace cascade
