#include "server/rpc/open_streams.h"

namespace cascade {

void OpenStreams::Begin() {
  MutexLock lock(mutex_);
  ++open_;
}

void OpenStreams::End() {
  MutexLock lock(mutex_);
  if (--open_ == 0) became_none_.SignalAll();
}

bool OpenStreams::WaitUntilNone(absl::Time deadline) {
  MutexLock lock(mutex_);
  while (open_ > 0) {
    if (!became_none_.WaitUntil(mutex_, deadline)) return open_ == 0;
  }
  return true;
}

}  // namespace cascade
