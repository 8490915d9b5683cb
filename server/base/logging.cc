#include "server/base/logging.h"

#include <cstdio>
#include <future>

#include "absl/strings/escaping.h"

namespace cascade {
namespace {

const char* Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

// Quotes what would break a line or a pair apart.
std::string Quoted(const std::string& value) {
  bool plain = !value.empty();
  for (const char c : value) {
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') plain = false;
  }
  return plain ? value : absl::StrCat("\"", absl::CEscape(value), "\"");
}

std::string Line(absl::Time time, LogLevel level, std::string_view event,
                 const std::vector<LogField>& fields) {
  std::string line = absl::StrCat(
      "time=",
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()),
      " level=", Name(level), " event=", std::string(event));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=", Quoted(field.value));
  }
  return line;
}

}  // namespace

std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo,
                               LogLevel::kWarning, LogLevel::kError}) {
    if (name == Name(level)) return level;
  }
  return std::nullopt;
}

Logger::Logger(LogLevel level, const Clock& clock, Sink sink)
    : level_(level),
      clock_(clock),
      sink_(std::move(sink)),
      thread_(/*num_threads=*/1) {}

void Logger::Log(LogLevel level, std::string_view event,
                 std::vector<LogField> fields) {
  if (level < level_) return;
  thread_.Post(
      [this, level, time = clock_.Now(), name = std::string(event),
       pairs = std::move(fields)] { sink_(Line(time, level, name, pairs)); });
}

void Logger::Flush() {
  std::promise<void> written;
  thread_.Post([&written] { written.set_value(); });
  written.get_future().wait();
}

void Logger::WriteToStderr(std::string_view line) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace cascade
