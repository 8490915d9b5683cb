#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace cascade {

// --server, as every command has it.
inline void AddServerFlag(CLI::App& command, std::string& server) {
  server = "127.0.0.1:50051";
  command.add_option("--server", server, "HOST:PORT of the server")
      ->capture_default_str();
}

}  // namespace cascade
