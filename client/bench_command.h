#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "client/exit_code.h"
#include "client/request_flags.h"

namespace cascade {

// `cascade bench`: a closed loop of clients, each with its own connection and
// one request at a time. Every reply is checked.
class BenchCommand {
 public:
  explicit BenchCommand(CLI::App& app);

  bool chosen() const { return command_->parsed(); }
  ExitCode Run() const;

 private:
  bool HasRandomClass() const { return request_.class_choice == "random"; }
  absl::StatusOr<v1::GenerateImageRequest> MakeRequest(
      const v1::Cascade& cascade) const;

  CLI::App* const command_;
  std::string server_;
  RequestFlags request_;
  int clients_ = 1;
  int64_t requests_ = 0;
  std::string duration_;
  int64_t warmup_ = 0;
  std::string deadline_;
  bool json_ = false;
};

}  // namespace cascade
