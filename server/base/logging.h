#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/base/thread_pool.h"

namespace cascade {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// How a line is written.
//
//   kText  time=2026-01-02T03:04:05.678Z level=info event=drained took=1.5s
//   kJson  {"time":"2026-01-02T03:04:05.678Z","level":"info",
//           "event":"drained","took_s":1.5}
//
// A line of JSON is one object (RFC 8259). Numbers and truth values are such,
// and a duration is a number of seconds whose name says so.
enum class LogFormat { kText, kJson };

// "debug", "info", "warning", "error"; none for anything else.
std::optional<LogLevel> ParseLogLevel(std::string_view name);

// One pair of a line: text, an integer, a number, true or false, a duration.
struct LogField {
  using Value =
      std::variant<std::string, int64_t, double, bool, absl::Duration>;

  template <typename T>
  LogField(std::string_view k, const T& v) : key(k), value(ToValue(v)) {}

  std::string key;
  Value value;

 private:
  template <typename T>
  static Value ToValue(const T& v) {
    if constexpr (std::same_as<T, bool> || std::same_as<T, absl::Duration>) {
      return v;
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<int64_t>(v);
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<double>(v);
    } else {
      return std::string(v);
    }
  }
};

// Writes lines of pairs, from a thread of its own: callers, lanes among them,
// only queue. The queue is bounded: while whoever takes the lines (a full pipe
// behind stderr) blocks, what does not fit is dropped and counted, and a line
// in its place says how much it was. The destructor writes what is queued.
// Thread-safe.
class Logger {
 public:
  // Gets whole lines without their newline, on the logger's thread.
  using Sink = absl::AnyInvocable<void(std::string_view)>;

  struct Options {
    LogLevel level = LogLevel::kInfo;  // Lines below it are not written.
    LogFormat format = LogFormat::kText;
    int max_queued_lines = 4096;
  };

  // `clock` outlives the logger.
  Logger(const Options& options, const Clock& clock, Sink sink = WriteToStderr);
  ~Logger();

  // `event` names what happened, in snake_case. Keys are snake_case, too.
  void Log(LogLevel level, std::string_view event,
           std::vector<LogField> fields = {}) ABSL_LOCKS_EXCLUDED(mutex_);

  // Blocks until the lines that were queued before are written, or until
  // `deadline` by the machine's clock. Returns whether they are.
  bool Flush(absl::Time deadline = absl::InfiniteFuture());

  // Lines that found the queue full.
  int64_t lines_dropped() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Line {
    absl::Time time;
    LogLevel level = LogLevel::kInfo;
    std::string event;
    std::vector<LogField> fields;
  };

  static void WriteToStderr(std::string_view line);

  // On the logger's thread.
  void Write(const Line& line);
  void WriteDrops(absl::Time time, int64_t lines);

  // Constant after construction. The sink is used by the one thread only.
  const Options options_;
  const Clock& clock_;
  Sink sink_;

  mutable Mutex mutex_;
  int queued_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  // Since the last line that was queued.
  int64_t unreported_ ABSL_GUARDED_BY(mutex_) = 0;

  ThreadPool thread_;  // One thread; last, so that it ends first.
};

}  // namespace cascade
