#include "server/rpc/grpc_status.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error_reason.h"

namespace cascade {
namespace {

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status proto;
  EXPECT_TRUE(proto.ParseFromString(status.error_details()));
  return proto;
}

TEST(GrpcStatusTest, OkIsOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
}

TEST(GrpcStatusTest, CarriesCodeMessageAndReason) {
  const grpc::Status status = ToGrpcStatus(ErrorWithReason(
      absl::StatusCode::kNotFound, kCascadeNotFound, "no such cascade"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no such cascade");
  const google::rpc::Status proto = Details(status);
  EXPECT_EQ(proto.code(), 5);
  ASSERT_EQ(proto.details_size(), 1);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(proto.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "CASCADE_NOT_FOUND");
  EXPECT_EQ(info.domain(), "cascade");
}

TEST(GrpcStatusTest, CarriesFieldViolations) {
  absl::Status error = absl::InvalidArgumentError("two fields");
  SetFieldViolations(error, {{"a", "is wrong"}, {"b[1].c", ""}});
  const google::rpc::Status proto = Details(ToGrpcStatus(error));
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(proto.details(1).UnpackTo(&bad_request));
  ASSERT_EQ(bad_request.field_violations_size(), 2);
  EXPECT_EQ(bad_request.field_violations(0).field(), "a");
  EXPECT_EQ(bad_request.field_violations(0).description(), "is wrong");
  EXPECT_EQ(bad_request.field_violations(1).field(), "b[1].c");
}

TEST(GrpcStatusTest, CarriesTheRetryDelayTwice) {
  absl::Status error = absl::ResourceExhaustedError("full");
  SetRetryDelay(error, absl::Milliseconds(1500));
  EXPECT_EQ(RetryPushback(error), "1500");
  const google::rpc::Status proto = Details(ToGrpcStatus(error));
  google::rpc::RetryInfo retry_info;
  ASSERT_TRUE(proto.details(1).UnpackTo(&retry_info));
  EXPECT_EQ(retry_info.retry_delay().seconds(), 1);
  EXPECT_EQ(retry_info.retry_delay().nanos(), 500'000'000);
  EXPECT_EQ(RetryPushback(absl::ResourceExhaustedError("full")), std::nullopt);
}

TEST(GrpcStatusTest, AnErrorWithoutReasonIsNamedByItsCode) {
  EXPECT_EQ(ReasonOf(absl::InternalError("x")), "INTERNAL");
  EXPECT_EQ(ReasonOf(absl::DeadlineExceededError("x")), "DEADLINE_EXCEEDED");
}

// Clients take 8 KiB of headers, in which details are base64 and what is not
// ASCII takes three bytes for one.
size_t HeaderBytes(const grpc::Status& status) {
  return 3 * status.error_message().size() +
         4 * (status.error_details().size() + 2) / 3;
}

TEST(GrpcStatusTest, CutsEndlessFields) {
  absl::Status error = absl::InvalidArgumentError(std::string(1 << 20, 'm'));
  SetFieldViolations(
      error, std::vector<FieldViolation>(
                 12, {std::string(200, 'f'), std::string(1 << 20, 'd')}));
  const grpc::Status status = ToGrpcStatus(error);
  EXPECT_LT(HeaderBytes(status), 8192u - 512u);
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(Details(status).details(1).UnpackTo(&bad_request));
  EXPECT_EQ(bad_request.field_violations(0).field(), std::string(200, 'f'));
}

TEST(GrpcStatusTest, CutsBetweenCharacters) {
  std::string text = "a";
  while (text.size() < 10'000) text += "\u00e9";
  const std::string cut =
      ToGrpcStatus(absl::InternalError(text)).error_message();
  EXPECT_EQ(cut.size() % 2, 1u);
}

TEST(GrpcStatusTest, CutsAnEndlessMessage) {
  const grpc::Status status =
      ToGrpcStatus(absl::InternalError(std::string(1 << 20, 'x')));
  EXPECT_LT(status.error_message().size() + status.error_details().size(),
            8192u);
}

}  // namespace
}  // namespace cascade
