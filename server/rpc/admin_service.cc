#include "server/rpc/admin_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/cascade_name.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_check.h"

namespace cascade {
namespace {

v1::CascadeVersion ToProto(const LoadedVersion& version) {
  v1::CascadeVersion proto;
  proto.set_name(version.name);
  proto.set_package(version.package);
  proto.set_digest(version.digest);
  proto.set_id(version.id);
  proto.set_state(version.retired ? v1::VERSION_STATE_RETIRED
                                  : v1::VERSION_STATE_SERVING);
  absl::Duration rest = version.loaded_time - absl::UnixEpoch();
  proto.mutable_load_time()->set_seconds(
      absl::IDivDuration(rest, absl::Seconds(1), &rest));
  proto.mutable_load_time()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

absl::Status CheckLoad(const v1::LoadCascadeRequest& request) {
  FieldCheck check;
  if (std::string problem = CheckCascadeName(request.name());
      !problem.empty()) {
    check.Refuse("name", problem);
  }
  if (request.package().empty()) check.Refuse("package", "unset");
  if (request.drain_first() && !request.replace()) {
    check.Refuse("drain_first", "true is for replace only");
  }
  return check.status();
}

absl::Status CheckUnload(const v1::UnloadCascadeRequest& request) {
  FieldCheck check;
  if (request.name().empty()) check.Refuse("name", "unset");
  return check.status();
}

absl::Status Draining() {
  return ErrorWithReason(absl::StatusCode::kUnavailable, kDraining,
                         "the server is draining");
}

}  // namespace

AdminService::AdminService(CascadeLoader& loader, RpcObserver& observer,
                           Logger& logger)
    : loader_(loader), observer_(observer), logger_(logger) {}

grpc::ServerUnaryReactor* AdminService::LoadCascade(
    grpc::CallbackServerContext* context, const v1::LoadCascadeRequest* request,
    v1::LoadCascadeResponse* response) {
  LoadOrder order;
  order.source.name = request->name();
  order.source.package = request->package();
  order.replace = request->replace();
  order.drain_first = request->drain_first();
  // The response is gone if the call has ended first.
  const auto loaded = std::make_shared<LoadedVersion>();
  return Run(
      "LoadCascade", *context, CheckLoad(*request),
      [this, order = std::move(order), loaded]() -> absl::Status {
        ASSIGN_OR_RETURN(*loaded, loader_.Load(order));
        return absl::OkStatus();
      },
      [loaded, response] { *response->mutable_version() = ToProto(*loaded); });
}

grpc::ServerUnaryReactor* AdminService::UnloadCascade(
    grpc::CallbackServerContext* context,
    const v1::UnloadCascadeRequest* request,
    v1::UnloadCascadeResponse* /*response*/) {
  return Run(
      "UnloadCascade", *context, CheckUnload(*request),
      [this, name = request->name()] { return loader_.Unload(name); }, [] {});
}

grpc::ServerUnaryReactor* AdminService::ListVersions(
    grpc::CallbackServerContext* context,
    const v1::ListVersionsRequest* /*request*/,
    v1::ListVersionsResponse* response) {
  CallRecord record("ListVersions", *context, observer_, logger_);
  for (const LoadedVersion& version : loader_.ListVersions()) {
    *response->add_versions() = ToProto(version);
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(record.End(absl::OkStatus()));
  return reactor;
}

bool AdminService::End(absl::Time deadline) {
  std::optional<Call> unanswered;
  {
    MutexLock lock(mutex_);
    ending_ = true;
    while (!running_.empty() && ended_.WaitUntil(mutex_, deadline)) {
    }
    if (running_.empty()) return true;
    unanswered = std::exchange(call_, std::nullopt);
  }
  if (unanswered.has_value()) {
    unanswered->reactor->Finish(unanswered->record->End(Draining()));
  }
  return false;
}

grpc::ServerUnaryReactor* AdminService::Run(
    std::string_view method, grpc::CallbackServerContext& context,
    const absl::Status& check, absl::AnyInvocable<absl::Status()> operation,
    absl::AnyInvocable<void()> answer) {
  Call call = {.record = std::make_unique<CallRecord>(method, context,
                                                      observer_, logger_),
               .reactor = context.DefaultReactor()};
  grpc::ServerUnaryReactor* const reactor = call.reactor;
  absl::Status status = check;
  if (status.ok()) status = Begin(method, call);
  if (!status.ok()) {
    reactor->Finish(call.record->End(status));
    return reactor;
  }
  thread_.Post([this, operation = std::move(operation),
                answer = std::move(answer)]() mutable {
    const absl::Status result = operation();
    // Whoever hears of the end may begin the next.
    std::optional<Call> waiting = TakeCall();
    if (!waiting.has_value()) return;
    if (result.ok()) answer();
    waiting->reactor->Finish(waiting->record->End(result));
  });
  return reactor;
}

absl::Status AdminService::Begin(std::string_view method, Call& call) {
  MutexLock lock(mutex_);
  if (ending_) return Draining();
  if (!running_.empty()) {
    return ErrorWithReason(absl::StatusCode::kAborted, kOperationRunning,
                           running_ + " is running");
  }
  running_ = method;
  call_ = std::move(call);
  return absl::OkStatus();
}

std::optional<AdminService::Call> AdminService::TakeCall() {
  MutexLock lock(mutex_);
  running_.clear();
  ended_.SignalAll();
  return std::exchange(call_, std::nullopt);
}

}  // namespace cascade
