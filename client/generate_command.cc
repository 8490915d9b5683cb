#include "client/generate_command.h"

#include "client/complaint.h"
#include "client/interrupt_watcher.h"

namespace cascade {

GenerateCommand::GenerateCommand(CLI::App& app)
    : command_(app.add_subcommand("generate", "Draws images")) {
  call_.AddTo(*command_);
  request_.AddTo(*command_);
  delivery_.AddTo(*command_);
  command_->footer(kExitCodesHelp);
}

ExitCode GenerateCommand::Generate(ImageClient& client,
                                   const ImageClient::CallOptions& options,
                                   const v1::Cascade& cascade,
                                   CancelToken& cancel) const {
  auto request = request_.ToRequest(cascade);
  if (!request.ok()) return Complain(request.status(), kExitUsage);
  if (const absl::Status status = delivery_.Shape(*request); !status.ok()) {
    return Complain(status, kExitUsage);
  }
  auto delivery = Delivery::Create(delivery_, request_.format, *request,
                                   /*first_stage=*/0, cascade, cancel);
  if (!delivery.ok()) return Complain(delivery.status(), kExitFailed);
  ImageClient::CallOptions calls = options;
  calls.on_restart = [&](const CallStatus& ended) { delivery->Restart(ended); };
  return delivery->End(client.Generate(
      *request, calls,
      [&](const v1::GenerateImageResponse& event) { delivery->Take(event); }));
}

ExitCode GenerateCommand::Run() const {
  if (const absl::Status status = delivery_.Check(); !status.ok()) {
    return Complain(status, kExitUsage);
  }
  auto options = call_.ToOptions();
  if (!options.ok()) return Complain(options.status(), kExitUsage);
  CancelToken cancel;
  options->cancel = &cancel;
  const InterruptWatcher interrupts([&cancel] { cancel.Cancel(); });
  ImageClient client(MakeChannel(call_.server));
  v1::GetCascadeResponse response;
  const CallStatus status =
      client.GetCascade(request_.cascade, *options, response);
  const ExitCode exit_code =
      status.ok() ? Generate(client, *options, response.cascade(), cancel)
                  : DeliverError(delivery_, status);
  return interrupts.interrupted() ? kExitInterrupted : exit_code;
}

}  // namespace cascade
