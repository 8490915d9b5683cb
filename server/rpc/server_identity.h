#pragma once

#include <string>

#include "models/cascade_model.h"

namespace cascade {

// What a server says of itself.
struct ServerIdentity {
  std::string version;  // "0.1.0".
  std::string build;    // BuildDescription().
  Reproducibility reproducibility = Reproducibility::kExact;
};

}  // namespace cascade
