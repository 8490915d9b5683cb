#include "models/runtime/host_memory.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "models/control_group.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// Where a version of control groups keeps what it knows about memory.
struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* reclaimable;  // A line of memory.stat.
};
constexpr GroupFiles kVersion1 = {
    .limit = "memory.limit_in_bytes",
    .usage = "memory.usage_in_bytes",
    .reclaimable = "total_inactive_file",
};
constexpr GroupFiles kVersion2 = {
    .limit = "memory.max",
    .usage = "memory.current",
    .reclaimable = "inactive_file",
};

// None when it is no number: a limit may be "max".
std::optional<int64_t> Number(absl::string_view text) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &value)) {
    return std::nullopt;
  }
  return value;
}

// The number behind `key` in lines like "MemTotal:  24684084 kB".
std::optional<int64_t> NumberOf(absl::string_view key,
                                absl::string_view contents) {
  for (absl::string_view line : absl::StrSplit(contents, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" :"), absl::SkipEmpty());
    if (words.size() >= 2 && words[0] == key) return Number(words[1]);
  }
  return std::nullopt;
}

absl::StatusOr<DeviceMemory> MachineMemory(const std::string& root) {
  constexpr int64_t kUnit = 1024;
  const std::string path = root + "/proc/meminfo";
  const std::string contents = SystemFile(path);
  const std::optional<int64_t> total = NumberOf("MemTotal", contents);
  const std::optional<int64_t> free = NumberOf("MemAvailable", contents);
  if (!total || !free) {
    return absl::NotFoundError(
        absl::StrCat(path, " has no MemTotal and MemAvailable"));
  }
  return DeviceMemory{.total = *total * kUnit, .free = *free * kUnit};
}

// Lowers `memory` to what one group allows.
void ApplyGroup(const ControlGroup& group, DeviceMemory& memory) {
  const GroupFiles& files = group.version == 2 ? kVersion2 : kVersion1;
  const auto read = [&](const char* file) {
    return SystemFile(absl::StrCat(group.folder, "/", file));
  };
  const std::optional<int64_t> limit = Number(read(files.limit));
  if (!limit) return;
  const int64_t used =
      Number(read(files.usage)).value_or(0) -
      NumberOf(files.reclaimable, read("memory.stat")).value_or(0);
  memory.total = std::min(memory.total, *limit);
  memory.free = std::min(memory.free, *limit - std::max<int64_t>(used, 0));
}

}  // namespace

absl::StatusOr<DeviceMemory> HostMemory(const std::string& root) {
  ASSIGN_OR_RETURN(DeviceMemory memory, MachineMemory(root));
  for (const ControlGroup& group : ControlGroupsOf(root, "memory")) {
    ApplyGroup(group, memory);
  }
  memory.free = std::max<int64_t>(memory.free, 0);
  return memory;
}

}  // namespace cascade
