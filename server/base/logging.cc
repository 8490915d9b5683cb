#include "server/base/logging.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;

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

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

// Quotes what would break a line or a pair apart.
std::string Quoted(const std::string& value) {
  bool plain = !value.empty();
  for (const char c : value) {
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') plain = false;
  }
  return plain ? value : absl::StrCat("\"", absl::CEscape(value), "\"");
}

struct ToText {
  std::string operator()(const std::string& v) const { return Quoted(v); }
  std::string operator()(int64_t v) const { return absl::StrCat(v); }
  std::string operator()(double v) const { return absl::StrCat(v); }
  std::string operator()(bool v) const { return v ? "true" : "false"; }
  std::string operator()(absl::Duration v) const {
    return absl::FormatDuration(v);
  }
};

struct ToJson {
  template <typename T>
  Json operator()(const T& v) const {
    return v;
  }
  Json operator()(absl::Duration v) const { return absl::ToDoubleSeconds(v); }
};

std::string JsonKey(const LogField& field) {
  const bool is_duration = std::holds_alternative<absl::Duration>(field.value);
  return is_duration ? field.key + "_s" : field.key;
}

std::string FormatText(absl::Time time, LogLevel level,
                       const std::string& event,
                       const std::vector<LogField>& fields) {
  std::string line = absl::StrCat("time=", Text(time), " level=", Name(level),
                                  " event=", event);
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=",
                    std::visit(ToText(), field.value));
  }
  return line;
}

std::string FormatJson(absl::Time time, LogLevel level,
                       const std::string& event,
                       const std::vector<LogField>& fields) {
  Json line = {{"time", Text(time)}, {"level", Name(level)}, {"event", event}};
  for (const LogField& field : fields) {
    line[JsonKey(field)] = std::visit(ToJson(), field.value);
  }
  // Clients choose some of the text: what is not UTF-8 is replaced.
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo,
                               LogLevel::kWarning, LogLevel::kError}) {
    if (name == Name(level)) return level;
  }
  return std::nullopt;
}

Logger::Logger(const Options& options, const Clock& clock, Sink sink)
    : options_(options),
      clock_(clock),
      sink_(std::move(sink)),
      thread_(/*num_threads=*/1) {}

Logger::~Logger() {
  int64_t dropped = 0;
  {
    MutexLock lock(mutex_);
    dropped = std::exchange(unreported_, 0);
  }
  thread_.Post(
      [this, dropped, time = clock_.Now()] { WriteDrops(time, dropped); });
}

void Logger::Log(LogLevel level, std::string_view event,
                 std::vector<LogField> fields) {
  if (level < options_.level) return;
  int64_t dropped = 0;
  {
    MutexLock lock(mutex_);
    if (queued_ == options_.max_queued_lines) {
      ++dropped_;
      ++unreported_;
      return;
    }
    ++queued_;
    dropped = std::exchange(unreported_, 0);
  }
  Line line = {clock_.Now(), level, std::string(event), std::move(fields)};
  thread_.Post([this, dropped, line = std::move(line)] {
    WriteDrops(line.time, dropped);
    Write(line);
    MutexLock lock(mutex_);
    --queued_;
  });
}

bool Logger::Flush(absl::Time deadline) {
  struct Mark {
    Mutex mutex;
    CondVar changed;
    bool is_reached ABSL_GUARDED_BY(mutex) = false;
  };
  // Shared: the caller may go before the line is written.
  const auto mark = std::make_shared<Mark>();
  thread_.Post([mark] {
    MutexLock lock(mark->mutex);
    mark->is_reached = true;
    mark->changed.SignalAll();
  });
  MutexLock lock(mark->mutex);
  while (!mark->is_reached) {
    if (!mark->changed.WaitUntil(mark->mutex, deadline)) break;
  }
  return mark->is_reached;
}

int64_t Logger::lines_dropped() const {
  MutexLock lock(mutex_);
  return dropped_;
}

void Logger::Write(const Line& line) {
  const auto format =
      options_.format == LogFormat::kJson ? FormatJson : FormatText;
  sink_(format(line.time, line.level, line.event, line.fields));
}

void Logger::WriteDrops(absl::Time time, int64_t lines) {
  if (lines == 0) return;
  Write({time, LogLevel::kWarning, "log_lines_dropped", {{"lines", lines}}});
}

void Logger::WriteToStderr(std::string_view line) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace cascade
