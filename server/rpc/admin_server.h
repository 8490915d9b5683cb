#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/rpc/admin_service.h"
#include "server/rpc/listening_port.h"

namespace cascade {

// The port of the admin service. Thread-safe.
class AdminServer {
 public:
  // Serves at once. Errors are StartListening()'s. The collaborators outlive
  // the server.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Create(
      const std::string& listen, CascadeLoader& loader, RpcObserver& observer,
      Logger& logger);
  // As Shutdown() that waits for no call.
  ~AdminServer();

  // HOST:PORT, with the port that was taken.
  const std::string& address() const { return port_.address; }

  // Stops listening, and waits for the operation in progress; at `deadline` its
  // call is answered with UNAVAILABLE. Returns whether the operation has ended:
  // if not, the destructor waits for it. Blocks. Idempotent.
  bool Shutdown(absl::Time deadline);

 private:
  AdminServer(CascadeLoader& loader, RpcObserver& observer, Logger& logger);

  // Constant after Create(). The service outlives the server.
  AdminService service_;
  ListeningPort port_;
};

}  // namespace cascade
