#include "client/health_command.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "client/image_client.h"
#include "client/server_flag.h"

namespace cascade {

HealthCommand::HealthCommand(CLI::App& app)
    : command_(app.add_subcommand(
          "health",
          "Tells whether the server serves; exit code 0 if it does")) {
  AddServerFlag(*command_, server_);
  CLI::Option* service = command_->add_option(
      "--service", service_, "Of this service: cascade.v1.CascadeService");
  command_->add_option("--cascade", cascade_, "Of this cascade")
      ->excludes(service);
  command_->footer(kExitCodesHelp);
}

ExitCode HealthCommand::Run() const {
  ImageClient client(MakeChannel(server_));
  grpc::health::v1::HealthCheckResponse response;
  const std::string service =
      cascade_.empty() ? service_ : absl::StrCat("cascades/", cascade_);
  const CallStatus status = client.CheckHealth(
      service, ImageClient::CallOptions::Within(absl::Seconds(10)), response);
  if (!status.ok()) {
    std::fprintf(stderr, "cascade: %s\n", Explain(status).c_str());
    return ExitCodeOf(status);
  }
  using Response = grpc::health::v1::HealthCheckResponse;
  std::printf("%s\n", Response::ServingStatus_Name(response.status()).c_str());
  return response.status() == Response::SERVING ? kExitOk : kExitBusy;
}

}  // namespace cascade
