#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/logging.h"
#include "server/job/job_summary.h"
#include "server/metrics/rpc_observer.h"

namespace cascade {

// What is told of an image request beside its status. Before it is admitted:
// what its client says.
struct ImageCallFacts {
  std::string cascade;
  std::string tenant;
  int images = 0;
  // Of a request that was admitted; missing in the rare case that its client
  // went away while its last step was being settled.
  std::optional<JobSummary> job;
  int64_t bytes_sent = 0;  // Messages as they were handed to gRPC.
  int64_t previews_sent = 0;
  int64_t previews_dropped = 0;
};

// One call, as it is counted and logged: its beginning on construction, its end
// in End(), with one line. Owned by the call.
class CallRecord {
 public:
  // Reads the client's x-request-id, or makes an id, and puts it into the
  // trailers. `observer` and `logger` outlive the record.
  CallRecord(std::string_view method, grpc::CallbackServerContext& context,
             RpcObserver& observer, Logger& logger);

  const std::string& request_id() const { return request_id_; }
  absl::Time arrival() const { return start_; }
  // When the client stops waiting; infinite if it did not say.
  absl::Time deadline() const { return deadline_; }

  // Counts and logs the end, and puts what belongs to `status` into the
  // trailers. Call it once, just before Finish() with the result. `images` is
  // null for calls that make none.
  grpc::Status End(const absl::Status& status,
                   const ImageCallFacts* images = nullptr);

 private:
  const std::string method_;
  const absl::Time start_;
  grpc::CallbackServerContext& context_;
  RpcObserver& observer_;
  Logger& logger_;
  const std::string request_id_;
  const absl::Time deadline_;
};

}  // namespace cascade
