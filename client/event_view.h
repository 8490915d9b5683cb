#pragma once

#include <string>

#include "cascade/v1/image_generation_service.pb.h"
#include "client/call_status.h"

namespace cascade {

// Where a stage image was written; empty: it was not.
struct WrittenFiles {
  std::string picture;
  std::string state;
};

// Shows one generation to whoever runs the command. Owned by one thread.
class EventView {
 public:
  virtual ~EventView() = default;

  // `files` are a stage image's; empty for other events.
  virtual void Show(const v1::GenerateImageResponse& event,
                    const WrittenFiles& files) = 0;
  // Its server died, as `ended` says, and it is asked again.
  virtual void Restart(const CallStatus& ended) = 0;
  // The call has ended.
  virtual void End(const CallStatus& status) = 0;
};

}  // namespace cascade
