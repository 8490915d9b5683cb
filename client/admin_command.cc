#include "client/admin_command.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "client/event_json.h"
#include "client/image_client.h"

namespace cascade {
namespace {

std::string LoadTime(const v1::CascadeVersion& version) {
  return absl::FormatTime(absl::RFC3339_sec,
                          absl::FromUnixSeconds(version.load_time().seconds()),
                          absl::UTCTimeZone());
}

const char* StateName(const v1::CascadeVersion& version) {
  return version.state() == v1::VERSION_STATE_RETIRED ? "retired" : "serving";
}

void Print(const v1::CascadeVersion& version, bool json) {
  if (json) {
    const nlohmann::ordered_json line = {
        {"name", version.name()},      {"id", version.id()},
        {"state", StateName(version)}, {"package", version.package()},
        {"digest", version.digest()},  {"load_time", LoadTime(version)}};
    std::printf("%s\n", JsonLine(line).c_str());
    return;
  }
  std::printf("%s  version %d, %s since %s\n  %s\n  digest %s\n",
              version.name().c_str(), version.id(), StateName(version),
              LoadTime(version).c_str(), version.package().c_str(),
              version.digest().c_str());
}

}  // namespace

AdminCommand::AdminCommand(CLI::App& app)
    : command_(app.add_subcommand(
          "admin", "Loads, replaces and unloads a server's cascades")) {
  command_->require_subcommand(1);
  load_ = Add("load", "Loads a package and serves it", true, true);
  replace_ =
      Add("replace", "Puts a package in a cascade's place; no request fails",
          true, true);
  replace_->add_flag("--drain-first", drain_first_,
                     "Unloads the old version first, where both do not fit; "
                     "requests fail meanwhile");
  unload_ = Add("unload", "Unloads a cascade; what was admitted ends first",
                true, false);
  Add("list", "Lists the versions in memory", false, false);
}

CLI::App* AdminCommand::Add(const char* verb, const char* help, bool has_name,
                            bool has_package) {
  CLI::App* command = command_->add_subcommand(verb, help);
  if (has_name) {
    command->add_option("name", name_, "What clients call it")->required();
  }
  if (has_package) {
    command->add_option("package", package_, "A folder, on the server")
        ->required();
  }
  command
      ->add_option("--server", server_,
                   "HOST:PORT of the server's admin service "
                   "(--admin_listen)")
      ->required();
  command->add_flag("--json", json_, "One JSON object a version and line");
  command->footer(kExitCodesHelp);
  return command;
}

ExitCode AdminCommand::Run() const {
  const auto admin = v1::AdminService::NewStub(MakeChannel(server_));
  CallStatus status;
  if (load_->parsed() || replace_->parsed()) {
    status = Load(*admin);
  } else if (unload_->parsed()) {
    status = Unload(*admin);
  } else {
    status = List(*admin);
  }
  if (status.ok()) return kExitOk;
  if (json_) std::printf("%s\n", JsonLine(ToJson(status)).c_str());
  std::fprintf(stderr, "cascade: %s\n", Explain(status).c_str());
  return ExitCodeOf(status);
}

CallStatus AdminCommand::Load(v1::AdminService::Stub& admin) const {
  v1::LoadCascadeRequest request;
  request.set_name(name_);
  request.set_package(package_);
  request.set_replace(replace_->parsed());
  request.set_drain_first(drain_first_);
  grpc::ClientContext context;
  v1::LoadCascadeResponse response;
  const grpc::Status status = admin.LoadCascade(&context, request, &response);
  if (status.ok()) Print(response.version(), json_);
  return ReadCallStatus(status, context);
}

CallStatus AdminCommand::Unload(v1::AdminService::Stub& admin) const {
  v1::UnloadCascadeRequest request;
  request.set_name(name_);
  grpc::ClientContext context;
  v1::UnloadCascadeResponse response;
  return ReadCallStatus(admin.UnloadCascade(&context, request, &response),
                        context);
}

CallStatus AdminCommand::List(v1::AdminService::Stub& admin) const {
  grpc::ClientContext context;
  v1::ListVersionsResponse response;
  const grpc::Status status = admin.ListVersions(&context, {}, &response);
  for (const v1::CascadeVersion& version : response.versions()) {
    Print(version, json_);
  }
  return ReadCallStatus(status, context);
}

}  // namespace cascade
