#pragma once

#include <grpcpp/client_context.h>

#include "absl/synchronization/mutex.h"

namespace cascade {

// Cancels a call from another thread: the one that is under way, or the next
// one. Thread-safe.
class CancelToken {
 public:
  // Ends the attached call on the server too. Every later call ends at once.
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);
  bool cancelled() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Attaches a call for the object's life. One at a time.
  class Attachment {
   public:
    // `token` may be null; both outlive the attachment.
    Attachment(CancelToken* token, grpc::ClientContext& context);
    ~Attachment();
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

   private:
    CancelToken* const token_;
  };

 private:
  mutable absl::Mutex mutex_;
  // TryCancel() only sets the call's state and is called under the lock, so
  // that the context cannot go meanwhile.
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cascade
