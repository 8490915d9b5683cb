#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "client/call_flags.h"
#include "client/cancel_token.h"
#include "client/delivery.h"
#include "client/exit_code.h"
#include "client/image_client.h"
#include "client/request_flags.h"

namespace cascade {

// `cascade upscale`: runs the remaining stages on stage states or on an image,
// one call for each.
class UpscaleCommand {
 public:
  explicit UpscaleCommand(CLI::App& app);

  bool chosen() const { return command_->parsed(); }
  ExitCode Run() const;

 private:
  // INVALID_ARGUMENT for flags that do not go together.
  absl::Status Check() const;
  // What is to be enlarged: requests with nothing but a source and the name of
  // the cascade.
  absl::StatusOr<std::vector<v1::UpscaleImageRequest>> ReadSources() const;
  absl::StatusOr<v1::UpscaleImageRequest> ReadImage() const;
  ExitCode UpscaleOne(ImageClient& client, v1::UpscaleImageRequest request,
                      CancelToken& cancel) const;
  ExitCode Upscale(ImageClient& client, v1::UpscaleImageRequest request,
                   const ImageClient::CallOptions& options,
                   const v1::Cascade& cascade, CancelToken& cancel) const;

  CLI::App* const command_;
  CallFlags call_;
  RequestFlags request_;
  DeliveryFlags delivery_;
  std::vector<std::string> states_;
  std::string image_;
  std::optional<int> first_stage_;
  std::string resize_;
};

}  // namespace cascade
