#pragma once

#include "cascade/v1/cascade_service.grpc.pb.h"
#include "models/stage_spec.h"
#include "server/base/logging.h"
#include "server/metrics/rpc_observer.h"
#include "server/rpc/request_conversion.h"
#include "server/rpc/server_identity.h"
#include "server/scheduler/generator.h"

namespace cascade {

// Tells what is loaded. Called by gRPC's threads; never blocks. Thread-safe.
class CascadeService final : public v1::CascadeService::CallbackService {
 public:
  // The collaborators outlive the service.
  CascadeService(ServerIdentity identity, const RequestLimits& limits,
                 const Generator& generator, RpcObserver& observer,
                 Logger& logger);

  grpc::ServerUnaryReactor* ListCascades(
      grpc::CallbackServerContext* context,
      const v1::ListCascadesRequest* request,
      v1::ListCascadesResponse* response) override;

  grpc::ServerUnaryReactor* GetCascade(
      grpc::CallbackServerContext* context,
      const v1::GetCascadeRequest* request,
      v1::GetCascadeResponse* response) override;

 private:
  v1::Server Server() const;

  const ServerIdentity identity_;
  const RequestLimits limits_;
  const Generator& generator_;
  RpcObserver& observer_;
  Logger& logger_;
};

// A cascade, as clients see it.
v1::Cascade ToProto(const CascadeSpec& cascade);

}  // namespace cascade
