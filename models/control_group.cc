#include "models/control_group.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace cascade {
namespace {

constexpr char kMount[] = "sys/fs/cgroup";

// `path` and all above it, of one hierarchy.
void AddGroups(const std::string& mount, int version, absl::string_view path,
               std::vector<ControlGroup>& groups) {
  while (path.size() > 1 && path.front() == '/') {
    groups.push_back({version, absl::StrCat(mount, path)});
    path = path.substr(0, path.rfind('/'));
  }
  groups.push_back({version, mount});
}

// The cores that a group gives its processes; none: all.
std::optional<double> Quota(const ControlGroup& group) {
  // "max 100000" or "150000 100000": microseconds of CPU time in each period.
  const std::string text =
      group.version == 2
          ? SystemFile(group.folder + "/cpu.max")
          : absl::StrCat(SystemFile(group.folder + "/cpu.cfs_quota_us"), " ",
                         SystemFile(group.folder + "/cpu.cfs_period_us"));
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  double quota = 0;
  double period = 0;
  if (words.size() != 2 || !absl::SimpleAtod(words[0], &quota) ||
      !absl::SimpleAtod(words[1], &period) || quota <= 0 || period <= 0) {
    return std::nullopt;  // Version 1 says -1 where there is no limit.
  }
  return quota / period;
}

}  // namespace

std::vector<ControlGroup> ControlGroupsOf(const std::string& root,
                                          const std::string& controller) {
  std::vector<ControlGroup> groups;
  const std::string mount = absl::StrCat(root, "/", kMount);
  // Lines of hierarchy, controllers and path; version 2 is hierarchy 0.
  const std::string lines = SystemFile(root + "/proc/self/cgroup");
  for (absl::string_view line : absl::StrSplit(lines, '\n')) {
    const std::vector<absl::string_view> fields =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() < 3) continue;
    const std::vector<absl::string_view> controllers =
        absl::StrSplit(fields[1], ',');
    if (fields[0] == "0") {
      AddGroups(mount, 2, fields[2], groups);
    } else if (std::find(controllers.begin(), controllers.end(), controller) !=
               controllers.end()) {
      AddGroups(absl::StrCat(mount, "/", controller), 1, fields[2], groups);
    }
  }
  return groups;
}

std::string SystemFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

int CoresOfProcess(const std::string& root, int machine_cores) {
  double cores = machine_cores;
  for (const ControlGroup& group : ControlGroupsOf(root, "cpu")) {
    cores = std::min(cores, Quota(group).value_or(cores));
  }
  return std::max(1, static_cast<int>(std::ceil(cores)));
}

}  // namespace cascade
