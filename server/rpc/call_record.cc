#include "server/rpc/call_record.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "server/rpc/grpc_status.h"

namespace cascade {
namespace {

constexpr char kRequestIdKey[] = "x-request-id";
constexpr size_t kMaxRequestIdLength = 128;

bool IsUsable(std::string_view id) {
  if (id.empty() || id.size() > kMaxRequestIdLength) return false;
  for (const char c : id) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

std::string RequestId(const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kRequestIdKey);
  if (found != metadata.end()) {
    const std::string_view id(found->second.data(), found->second.size());
    if (IsUsable(id)) return std::string(id);
  }
  absl::BitGen random;
  return absl::StrFormat("%016x", absl::Uniform<uint64_t>(random));
}

absl::Time Deadline(const grpc::CallbackServerContext& context) {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return absl::InfiniteFuture();
  }
  return absl::FromChrono(deadline);
}

void AddFacts(const ImageCallFacts& call, std::vector<LogField>& fields) {
  fields.push_back({"cascade", call.cascade});
  fields.push_back({"tenant", call.tenant});
  fields.push_back({"images", call.images});
  if (call.job.has_value()) {
    fields.push_back({"queued", call.job->queued});
    fields.push_back({"total", call.job->total});
    fields.push_back({"device", call.job->device_time});
  }
  fields.push_back({"bytes_sent", call.bytes_sent});
  fields.push_back({"previews_sent", call.previews_sent});
  fields.push_back({"previews_dropped", call.previews_dropped});
}

}  // namespace

CallRecord::CallRecord(std::string_view method,
                       grpc::CallbackServerContext& context,
                       RpcObserver& observer, Logger& logger)
    : method_(method),
      start_(absl::Now()),
      context_(context),
      observer_(observer),
      logger_(logger),
      request_id_(RequestId(context)),
      deadline_(Deadline(context)) {
  context_.AddTrailingMetadata(kRequestIdKey, request_id_);
  observer_.CallStarted(method_);
}

grpc::Status CallRecord::End(const absl::Status& status,
                             const ImageCallFacts* images) {
  const absl::Duration duration = absl::Now() - start_;
  const std::string reason = ReasonOf(status);
  if (auto pushback = RetryPushback(status); pushback.has_value()) {
    context_.AddTrailingMetadata(kPushbackTrailer, *pushback);
  }
  observer_.CallEnded(method_, status.code(), reason, duration);
  const bool is_our_fault = status.code() == absl::StatusCode::kInternal ||
                            status.code() == absl::StatusCode::kUnknown;
  std::vector<LogField> fields = {
      {"request_id", request_id_},
      {"method", method_},
      {"outcome", absl::StatusCodeToString(status.code())},
      {"duration", duration},
  };
  if (!status.ok()) {
    fields.push_back({"reason", reason});
    fields.push_back({"message", status.message()});
  }
  if (images != nullptr) AddFacts(*images, fields);
  logger_.Log(is_our_fault ? LogLevel::kError : LogLevel::kInfo, "request_end",
              std::move(fields));
  return ToGrpcStatus(status);
}

}  // namespace cascade
