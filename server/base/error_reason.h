#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cascade {

// Facts that travel with an error, as payloads of its absl::Status. server/rpc
// turns them into google.rpc details; whoever makes an error attaches what it
// knows.

// Stable, documented names of errors, as clients see them (ErrorInfo.reason;
// the comments of the services in proto/ list them).
inline constexpr std::string_view kInvalidField = "INVALID_FIELD";
inline constexpr std::string_view kFieldUnimplemented = "FIELD_UNIMPLEMENTED";
inline constexpr std::string_view kCascadeNotFound = "CASCADE_NOT_FOUND";
inline constexpr std::string_view kCascadeExists = "CASCADE_EXISTS";
inline constexpr std::string_view kOperationRunning = "OPERATION_RUNNING";
inline constexpr std::string_view kTooManyImages = "TOO_MANY_IMAGES";
inline constexpr std::string_view kQueueFull = "QUEUE_FULL";
inline constexpr std::string_view kTenantLimit = "TENANT_LIMIT";
inline constexpr std::string_view kDeadlineUnreachable = "DEADLINE_UNREACHABLE";
inline constexpr std::string_view kDeadlineAtRisk = "DEADLINE_AT_RISK";
inline constexpr std::string_view kDraining = "DRAINING";
inline constexpr std::string_view kShutDown = "SHUT_DOWN";
inline constexpr std::string_view kReaderStalled = "READER_STALLED";
inline constexpr std::string_view kDeadlineExceeded = "DEADLINE_EXCEEDED";
inline constexpr std::string_view kCancelled = "CANCELLED";
inline constexpr std::string_view kNotFinite = "NOT_FINITE";
inline constexpr std::string_view kStepFailed = "STEP_FAILED";
inline constexpr std::string_view kDeviceMemory = "DEVICE_MEMORY";
inline constexpr std::string_view kDeviceLost = "DEVICE_LOST";
inline constexpr std::string_view kCascadeReplaced = "CASCADE_REPLACED";
inline constexpr std::string_view kStateDamaged = "STATE_DAMAGED";
inline constexpr std::string_view kStateForeign = "STATE_FOREIGN";
inline constexpr std::string_view kEncodeFailed = "ENCODE_FAILED";
inline constexpr std::string_view kInternal = "INTERNAL";

// What is wrong with one field of a request.
struct FieldViolation {
  std::string field;        // Its path, as "stages[1].sampler.steps".
  std::string description;  // What was given, what is allowed.
};

// Without effect on an OK status.
void SetErrorReason(absl::Status& status, std::string_view reason);
void SetRetryDelay(absl::Status& status, absl::Duration delay);
void SetFieldViolations(absl::Status& status,
                        const std::vector<FieldViolation>& violations);

// Empty when none was set.
std::string ErrorReason(const absl::Status& status);
std::optional<absl::Duration> RetryDelay(const absl::Status& status);
std::vector<FieldViolation> FieldViolations(const absl::Status& status);

// Makes an error with its reason.
absl::Status ErrorWithReason(absl::StatusCode code, std::string_view reason,
                             std::string_view message);

}  // namespace cascade
