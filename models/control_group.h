#pragma once

#include <string>
#include <vector>

namespace cascade {

// A control group of Linux that this process is in.
struct ControlGroup {
  int version = 2;  // Of the interface: 1 or 2.
  std::string folder;
};

// The process's group of a controller ("cpu", "memory"), and all groups above
// it: the limits of each apply. Empty where there are none; folders may be
// missing where the process sees only a part of the hierarchy, and its own
// limits are then in the highest.
//
// `root` is where proc/ and sys/ are: "/" but in tests.
std::vector<ControlGroup> ControlGroupsOf(const std::string& root,
                                          const std::string& controller);

// What a file of /proc or /sys says; empty when there is none.
std::string SystemFile(const std::string& path);

// The cores that the process may keep busy: `machine_cores`, or what the
// tightest of its groups gives it of them, rounded up.
int CoresOfProcess(const std::string& root, int machine_cores);

}  // namespace cascade
