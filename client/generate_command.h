#pragma once

#include <CLI/CLI.hpp>

#include "client/call_flags.h"
#include "client/cancel_token.h"
#include "client/delivery.h"
#include "client/exit_code.h"
#include "client/image_client.h"
#include "client/request_flags.h"

namespace cascade {

// `cascade generate`: asks for images, shows how they come about, and writes
// them into a folder.
class GenerateCommand {
 public:
  explicit GenerateCommand(CLI::App& app);

  bool chosen() const { return command_->parsed(); }
  ExitCode Run() const;

 private:
  ExitCode Generate(ImageClient& client,
                    const ImageClient::CallOptions& options,
                    const v1::Cascade& cascade, CancelToken& cancel) const;

  CLI::App* const command_;
  CallFlags call_;
  RequestFlags request_;
  DeliveryFlags delivery_;
};

}  // namespace cascade
