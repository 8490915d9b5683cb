#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "client/image_client.h"

namespace cascade {

// The flags of a call, whatever it asks for.
struct CallFlags {
  std::string server;
  std::string deadline;
  std::string tenant;
  std::string request_id;
  int restarts = ImageClient::CallOptions().max_restarts;

  // Adds them to a command.
  void AddTo(CLI::App& command);

  // For a call that begins now. INVALID_ARGUMENT, naming the flag, for what
  // cannot be read.
  absl::StatusOr<ImageClient::CallOptions> ToOptions() const;
};

}  // namespace cascade
