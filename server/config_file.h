#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/options.h"

namespace cascade {

// Puts what a configuration file says into `options`: a JSON object, with
// comments, of the settings (config_setting.h) and of four lists: `cascades`,
// `lanes`, `tenants`, `memory_limit`. README.md shows one.
//
// INVALID_ARGUMENT for a key that is unknown and for a value that is wrong,
// with file, path and value; NOT_FOUND when there is no file.
absl::Status ReadConfigFile(const std::string& path, Options& options);

}  // namespace cascade
