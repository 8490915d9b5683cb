#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "client/exit_code.h"

namespace cascade {

// `cascade list`: what a server has loaded.
class ListCommand {
 public:
  explicit ListCommand(CLI::App& app);

  bool chosen() const { return command_->parsed(); }
  ExitCode Run() const;

 private:
  CLI::App* const command_;
  std::string server_;
  bool json_ = false;
};

}  // namespace cascade
