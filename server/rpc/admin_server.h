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

  // Stops listening. Waits for the operation in progress, whatever `deadline`
  // says to its client: shut the scheduler down first, so that it ends. Blocks.
  // Idempotent.
  void Shutdown(absl::Time deadline);

 private:
  AdminServer(CascadeLoader& loader, RpcObserver& observer, Logger& logger);

  // Constant after Create(). The service outlives the server.
  AdminService service_;
  ListeningPort port_;
};

}  // namespace cascade
