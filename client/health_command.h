#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "client/exit_code.h"

namespace cascade {

// `cascade health`: whether a server, or one of its cascades, serves.
class HealthCommand {
 public:
  explicit HealthCommand(CLI::App& app);

  bool chosen() const { return command_->parsed(); }
  ExitCode Run() const;

 private:
  CLI::App* const command_;
  std::string server_;
  std::string service_;
  std::string cascade_;
};

}  // namespace cascade
