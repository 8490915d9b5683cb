#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cascade {

// What the RPCs count. Thread-safe; called outside of any lock.
class RpcObserver {
 public:
  virtual ~RpcObserver() = default;

  // A call has begun; its end follows.
  virtual void CallStarted(std::string_view method) = 0;
  // A call has ended. `reason` is ErrorInfo's, empty for OK.
  virtual void CallEnded(std::string_view method, absl::StatusCode code,
                         std::string_view reason, absl::Duration duration) = 0;
  // A call's first preview is handed to gRPC, this long after the call came.
  // The names here and below are of what is loaded.
  virtual void FirstPreviewSent(std::string_view cascade,
                                absl::Duration since_arrival) = 0;
  // So is an image of a stage.
  virtual void StageImageSent(std::string_view cascade, std::string_view stage,
                              absl::Duration since_arrival) = 0;
  // A client's call was cut off because it did not read.
  virtual void ReaderStalled() = 0;
  // Previews that a call's reader was too slow for.
  virtual void PreviewsDropped(int64_t count) = 0;
};

}  // namespace cascade
