#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status of `expr` from the enclosing function if it is an error.
#define RETURN_IF_ERROR(expr)                                         \
  do {                                                                \
    if (::absl::Status status_macro_ = (expr); !status_macro_.ok()) { \
      return status_macro_;                                           \
    }                                                                 \
  } while (false)

// Evaluates `expr`, an absl::StatusOr, and assigns its value to `lhs`, or
// returns its status from the enclosing function.
#define ASSIGN_OR_RETURN(lhs, expr) \
  CASCADE_ASSIGN_OR_RETURN_(CASCADE_CONCAT_(status_or_, __LINE__), lhs, expr)

#define CASCADE_CONCAT_INNER_(a, b) a##b
#define CASCADE_CONCAT_(a, b) CASCADE_CONCAT_INNER_(a, b)
#define CASCADE_ASSIGN_OR_RETURN_(result, lhs, expr)   \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  lhs = *std::move(result)
