#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "client/cancel_token.h"
#include "client/exit_code.h"
#include "client/image_client.h"
#include "client/picture_files.h"
#include "client/request_flags.h"
#include "client/terminal.h"

namespace cascade {

// `cascade generate`: asks for images, shows how they come about, and writes
// them into a folder.
class GenerateCommand {
 public:
  explicit GenerateCommand(CLI::App& app);

  bool chosen() const { return command_->parsed(); }
  ExitCode Run() const;

 private:
  absl::StatusOr<v1::GenerateImageRequest> MakeRequest(
      const v1::Cascade& cascade, const Terminal& terminal) const;
  // None without --out.
  absl::StatusOr<std::optional<PictureFiles>> MakeFiles(
      const v1::GenerateImageRequest& request,
      const v1::Cascade& cascade) const;
  ExitCode Generate(ImageClient& client,
                    const ImageClient::CallOptions& options,
                    const v1::Cascade& cascade, CancelToken& cancel) const;

  CLI::App* const command_;
  std::string server_;
  RequestFlags request_;
  std::string deadline_;
  std::string out_;
  std::string request_id_;
  bool json_ = false;
  bool show_ = false;
};

}  // namespace cascade
