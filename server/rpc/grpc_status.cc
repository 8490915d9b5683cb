#include "server/rpc/grpc_status.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error_reason.h"

namespace cascade {
namespace {

constexpr char kDomain[] = "cascade";
// Errors travel as HTTP/2 headers, of which clients take 8 KiB: the message
// twice, once with three bytes for each that is not ASCII, and the details in
// base64.
constexpr size_t kMaxMessageBytes = 1024;
constexpr size_t kMaxViolationBytes = 2048;

// The beginning of `text`, which is UTF-8, without a part of a character.
std::string Cut(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  const auto continues = [&text](size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  while (max_bytes > 0 && continues(max_bytes)) --max_bytes;
  return std::string(text.substr(0, max_bytes));
}

void AddBadRequest(const std::vector<FieldViolation>& violations,
                   google::rpc::Status& proto) {
  if (violations.empty()) return;
  google::rpc::BadRequest bad_request;
  size_t room = kMaxViolationBytes;
  for (const FieldViolation& violation : violations) {
    auto* added = bad_request.add_field_violations();
    added->set_field(Cut(violation.field, room));
    room -= added->field().size();
    added->set_description(Cut(violation.description, room));
    room -= added->description().size();
  }
  proto.add_details()->PackFrom(bad_request);
}

void AddRetryInfo(std::optional<absl::Duration> delay,
                  google::rpc::Status& proto) {
  if (!delay.has_value()) return;
  google::rpc::RetryInfo retry_info;
  absl::Duration rest = *delay;
  retry_info.mutable_retry_delay()->set_seconds(
      absl::IDivDuration(rest, absl::Seconds(1), &rest));
  retry_info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  proto.add_details()->PackFrom(retry_info);
}

}  // namespace

std::string ReasonOf(const absl::Status& status) {
  if (status.ok()) return "";
  const std::string reason = ErrorReason(status);
  return reason.empty() ? absl::StatusCodeToString(status.code()) : reason;
}

std::optional<std::string> RetryPushback(const absl::Status& status) {
  const std::optional<absl::Duration> delay = RetryDelay(status);
  if (!delay.has_value()) return std::nullopt;
  return absl::StrCat(std::max<int64_t>(0, absl::ToInt64Milliseconds(*delay)));
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message =
      Cut({status.message().data(), status.message().size()}, kMaxMessageBytes);
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(status));
  info.set_domain(kDomain);
  proto.add_details()->PackFrom(info);
  AddBadRequest(FieldViolations(status), proto);
  AddRetryInfo(RetryDelay(status), proto);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      proto.SerializeAsString());
}

}  // namespace cascade
