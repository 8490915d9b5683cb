#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/options.h"

namespace cascade {

// One setting with one value: a flag, an environment variable and a key of the
// configuration file, all of the same name.
struct ConfigSetting {
  std::string name;  // "max_queued_images".
  std::string type;  // "N", "DURATION": for --help.
  std::string help;
  std::string default_text;
  bool is_number = false;  // In the file: a number, not a string.
  // Stores the value; or says what is wrong with it, and stores nothing.
  std::function<std::string(const std::string& text, Options& options)> set;
};

// All of them, in the order of --help.
const std::vector<ConfigSetting>& ConfigSettings();

}  // namespace cascade
