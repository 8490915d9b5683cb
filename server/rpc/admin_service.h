#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "cascade/v1/admin_service.grpc.pb.h"
#include "server/base/logging.h"
#include "server/base/mutex.h"
#include "server/base/thread_pool.h"
#include "server/metrics/rpc_observer.h"
#include "server/rpc/call_record.h"
#include "server/scheduler/cascade_loader.h"

namespace cascade {

// Loads and unloads cascades on a thread of its own, one operation at a time.
//
// Called by gRPC's threads; never blocks. Thread-safe. The destructor waits for
// the operation in progress.
class AdminService final : public v1::AdminService::CallbackService {
 public:
  // The collaborators outlive the service.
  AdminService(CascadeLoader& loader, RpcObserver& observer, Logger& logger);

  grpc::ServerUnaryReactor* LoadCascade(
      grpc::CallbackServerContext* context,
      const v1::LoadCascadeRequest* request,
      v1::LoadCascadeResponse* response) override;
  grpc::ServerUnaryReactor* UnloadCascade(
      grpc::CallbackServerContext* context,
      const v1::UnloadCascadeRequest* request,
      v1::UnloadCascadeResponse* response) override;
  grpc::ServerUnaryReactor* ListVersions(
      grpc::CallbackServerContext* context,
      const v1::ListVersionsRequest* request,
      v1::ListVersionsResponse* response) override;

  // Refuses operations from now on. Blocks until the one in progress ends; at
  // `deadline` its call gets UNAVAILABLE, whatever becomes of it. Returns
  // whether it has ended.
  bool End(absl::Time deadline) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // A call that waits for its operation.
  struct Call {
    std::unique_ptr<CallRecord> record;
    grpc::ServerUnaryReactor* reactor = nullptr;
  };

  // Runs `operation` on the thread and ends the call with its result; refuses
  // the call while another one runs, and if `check` is an error.
  grpc::ServerUnaryReactor* Run(std::string_view method,
                                grpc::CallbackServerContext& context,
                                const absl::Status& check,
                                absl::AnyInvocable<absl::Status()> operation,
                                absl::AnyInvocable<void()> answer)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Begin(std::string_view method, Call& call)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The operation has ended: the call to answer, unless it has been.
  std::optional<Call> TakeCall() ABSL_LOCKS_EXCLUDED(mutex_);

  CascadeLoader& loader_;
  RpcObserver& observer_;
  Logger& logger_;

  Mutex mutex_;
  CondVar ended_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::string running_ ABSL_GUARDED_BY(mutex_);       // A method; empty: none.
  std::optional<Call> call_ ABSL_GUARDED_BY(mutex_);  // To answer.

  ThreadPool thread_{/*num_threads=*/1};  // Last, so that it ends first.
};

}  // namespace cascade
