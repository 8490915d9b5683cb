#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/thread_pool.h"

namespace cascade {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error"; none for anything else.
std::optional<LogLevel> ParseLogLevel(std::string_view name);

// One `key=value` of a line.
struct LogField {
  LogField(std::string_view k, const absl::AlphaNum& v)
      : key(k), value(v.Piece()) {}
  LogField(std::string_view k, absl::Duration v)
      : key(k), value(absl::FormatDuration(v)) {}

  std::string key;
  std::string value;
};

// Writes lines of key=value pairs, from a thread of its own: callers, lanes
// among them, only queue. The destructor writes what is queued. Thread-safe.
//
//   time=2026-01-02T03:04:05.678Z level=info event=request_end request_id=...
class Logger {
 public:
  // Gets whole lines without their newline, on the logger's thread.
  using Sink = absl::AnyInvocable<void(std::string_view)>;

  // Lines below `level` are dropped. `clock` outlives the logger.
  Logger(LogLevel level, const Clock& clock, Sink sink = WriteToStderr);

  // `event` names what happened, in snake_case.
  void Log(LogLevel level, std::string_view event,
           std::vector<LogField> fields = {});

  // Blocks until the lines that were queued before are written.
  void Flush();

 private:
  static void WriteToStderr(std::string_view line);

  // Constant after construction. The sink is used by the one thread only.
  const LogLevel level_;
  const Clock& clock_;
  Sink sink_;

  ThreadPool thread_;  // One thread; last, so that it ends first.
};

}  // namespace cascade
