#include "client/cancel_token.h"

namespace cascade {

void CancelToken::Cancel() {
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
}

bool CancelToken::cancelled() const {
  absl::MutexLock lock(&mutex_);
  return cancelled_;
}

CancelToken::Attachment::Attachment(CancelToken* token,
                                    grpc::ClientContext& context)
    : token_(token) {
  if (token_ == nullptr) return;
  absl::MutexLock lock(&token_->mutex_);
  token_->context_ = &context;
  if (token_->cancelled_) context.TryCancel();
}

CancelToken::Attachment::~Attachment() {
  if (token_ == nullptr) return;
  absl::MutexLock lock(&token_->mutex_);
  token_->context_ = nullptr;
}

}  // namespace cascade
