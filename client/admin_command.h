#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cascade/v1/admin_service.grpc.pb.h"
#include "client/call_status.h"
#include "client/exit_code.h"

namespace cascade {

// `cascade admin load|replace|unload|list`: which cascades a server has in
// memory. Blocks until the server is done.
class AdminCommand {
 public:
  explicit AdminCommand(CLI::App& app);

  bool chosen() const { return command_->parsed(); }
  ExitCode Run() const;

 private:
  CLI::App* Add(const char* verb, const char* help, bool has_name,
                bool has_package);
  CallStatus Load(v1::AdminService::Stub& admin) const;
  CallStatus Unload(v1::AdminService::Stub& admin) const;
  CallStatus List(v1::AdminService::Stub& admin) const;

  CLI::App* const command_;
  CLI::App* load_ = nullptr;
  CLI::App* replace_ = nullptr;
  CLI::App* unload_ = nullptr;
  std::string server_;
  std::string name_;
  std::string package_;
  bool drain_first_ = false;
  bool json_ = false;
};

}  // namespace cascade
