#include "client/call_status.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace cascade {
namespace {

constexpr char kRequestIdTrailer[] = "x-request-id";

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

void ReadDetails(const std::string& bytes, CallStatus& status) {
  google::rpc::Status proto;
  if (!proto.ParseFromString(bytes)) return;
  for (const google::protobuf::Any& detail : proto.details()) {
    google::rpc::ErrorInfo error_info;
    google::rpc::BadRequest bad_request;
    google::rpc::RetryInfo retry_info;
    if (detail.UnpackTo(&error_info)) {
      status.reason = error_info.reason();
    } else if (detail.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        status.fields.push_back({violation.field(), violation.description()});
      }
    } else if (detail.UnpackTo(&retry_info)) {
      status.retry_delay = FromProto(retry_info.retry_delay());
    }
  }
}

std::string Printable(std::string text) {
  for (char& c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return text;
}

// What the reason tells that its code does not; null if nothing.
const char* HeadlineOfReason(const std::string& reason) {
  static const std::pair<const char*, const char*> kHeadlines[] = {
      {"CASCADE_REPLACED", "the cascade is being replaced: try again"},
      {"DEADLINE_UNREACHABLE", "it takes longer than the deadline"},
      {"DEVICE_LOST", "the server's device failed"},
      {"STATE_DAMAGED", "the given stage state is damaged"},
      {"STATE_FOREIGN", "the given stage state is from other weights"},
  };
  for (const auto& [name, headline] : kHeadlines) {
    if (reason == name) return headline;
  }
  return nullptr;
}

// Only the server's own errors have a reason; gRPC's own one of this code is
// about a limit of messages.
const char* ExhaustedHeadline(const CallStatus& status) {
  if (status.retry_delay.has_value()) return "the server is busy";
  return status.reason.empty() ? "a message is too large"
                               : "there is no room for it";
}

std::string Headline(const CallStatus& status) {
  const char* const of_reason = HeadlineOfReason(status.reason);
  if (of_reason != nullptr) return of_reason;
  switch (status.code) {
    case grpc::StatusCode::INVALID_ARGUMENT:
      return "the server refused the request";
    case grpc::StatusCode::NOT_FOUND:
      return "not found";
    case grpc::StatusCode::UNIMPLEMENTED:
      return "this server cannot do that yet";
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return ExhaustedHeadline(status);
    case grpc::StatusCode::UNAVAILABLE:
      return "the server cannot be reached or is shutting down";
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return "it took longer than the deadline";
    case grpc::StatusCode::CANCELLED:
      return "cancelled";
    case grpc::StatusCode::ABORTED:
      return "something else is under way: try again";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "not possible as things are";
    case grpc::StatusCode::DATA_LOSS:
      return "data is damaged";
    default:
      return absl::StrCat("the server failed (", CodeName(status.code), ")");
  }
}

}  // namespace

std::string CodeName(grpc::StatusCode code) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

CallStatus ReadCallStatus(const grpc::Status& status,
                          const grpc::ClientContext& context) {
  CallStatus result;
  result.code = status.error_code();
  result.message = status.error_message();
  ReadDetails(status.error_details(), result);
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find(kRequestIdTrailer);
  if (found != trailers.end()) {
    result.request_id.assign(found->second.data(), found->second.size());
  }
  return result;
}

std::string Explain(const CallStatus& status) {
  if (status.ok()) return "done";
  std::string text = Headline(status);
  if (status.fields.empty()) {
    absl::StrAppend(&text, ": ", Printable(status.message));
  }
  for (const RefusedField& field : status.fields) {
    absl::StrAppend(&text, "\n  ", Printable(field.field), ": ",
                    Printable(field.description));
  }
  if (status.retry_delay.has_value()) {
    absl::StrAppend(&text, "\n  try again in ",
                    absl::FormatDuration(*status.retry_delay));
  }
  if (!status.request_id.empty()) {
    absl::StrAppend(&text, "\n  request id ", Printable(status.request_id));
  }
  return text;
}

}  // namespace cascade
