#pragma once

#include <string>

#include "cascade/v1/image_generation_service.pb.h"
#include "client/call_status.h"

namespace cascade {

// Shows one generation to whoever runs the command. Owned by one thread.
class EventView {
 public:
  virtual ~EventView() = default;

  // `file` is where a stage image was written; empty for other events.
  virtual void Show(const v1::GenerateImageResponse& event,
                    const std::string& file) = 0;
  // The call has ended.
  virtual void End(const CallStatus& status) = 0;
};

}  // namespace cascade
