#pragma once

#include <grpcpp/support/server_callback.h>
#include <grpcpp/support/status.h>

namespace cascade {

// A streaming call that ends at once, without initial metadata. Owns itself.
template <typename Response>
class RefusedStream final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedStream(const grpc::Status& status) { this->Finish(status); }

 private:
  void OnDone() override { delete this; }
};

}  // namespace cascade
