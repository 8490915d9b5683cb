#include "client/upscale_command.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/complaint.h"
#include "client/interrupt_watcher.h"
#include "client/state_files.h"
#include "client/upscale_request.h"
#include "client/whole_file.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

absl::StatusOr<v1::ResizeRule> ParseResize(const std::string& text) {
  static const std::pair<const char*, v1::ResizeRule> kRules[] = {
      {"", v1::RESIZE_RULE_UNSPECIFIED},
      {"crop", v1::RESIZE_RULE_CENTER_CROP},
      {"pad", v1::RESIZE_RULE_PAD},
      {"stretch", v1::RESIZE_RULE_STRETCH},
  };
  for (const auto& [name, rule] : kRules) {
    if (text == name) return rule;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--resize ", text, ": crop, pad or stretch"));
}

// Names the class of a state for files and titles, if no flag does.
void LabelAs(const v1::UpscaleImageRequest& request,
             v1::GenerateImageRequest& fields) {
  const bool is_set = fields.class_choice_case() !=
                      v1::GenerateImageRequest::CLASS_CHOICE_NOT_SET;
  if (is_set || !request.state().has_class_id()) return;
  fields.set_class_id(request.state().class_id());
}

}  // namespace

UpscaleCommand::UpscaleCommand(CLI::App& app)
    : command_(app.add_subcommand(
          "upscale", "Enlarges stage states, or an image from elsewhere")) {
  call_.AddTo(*command_);
  request_.AddTo(*command_);
  command_->get_option("--cascade")
      ->required(false)
      ->description("The cascade's name. Default: as the state says");
  auto* const state = command_->add_option(
      "--state", states_,
      "Files that `cascade generate --states` wrote: goes on where they "
      "stopped, one call each, and stops at the first that fails");
  auto* const image =
      command_->add_option("--image", image_, "A PNG, JPEG or WebP file");
  state->excludes(image);
  command_
      ->add_option("--first-stage", first_stage_,
                   "The stage that enlarges the image; required for flags with "
                   "a value for each stage. Default: the one that takes its "
                   "size")
      ->needs(image);
  command_
      ->add_option("--resize", resize_,
                   "Fits an image of another size: crop, pad or stretch")
      ->needs(image);
  delivery_.AddTo(*command_);
  command_->footer(kExitCodesHelp);
}

absl::Status UpscaleCommand::Check() const {
  RETURN_IF_ERROR(delivery_.Check());
  const bool shares_seeds =
      request_.seed.has_value() || request_.image_count.value_or(1) > 1;
  if (states_.size() > 1 && shares_seeds) {
    return absl::InvalidArgumentError(
        "--seed, and --count of more than 1, take one --state: images of "
        "several states would have the same seeds, and files the same names");
  }
  if (!image_.empty() && !first_stage_.has_value() &&
      request_.DiffersByStage()) {
    return absl::InvalidArgumentError(
        "--first-stage is required for an --image with a value for each stage: "
        "the server picks the stage by the image's size");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::UpscaleImageRequest> UpscaleCommand::ReadImage() const {
  if (image_.empty() || request_.cascade.empty()) {
    return absl::InvalidArgumentError(
        "--state FILE..., or --image FILE with --cascade NAME, is required");
  }
  v1::UpscaleImageRequest request;
  request.set_cascade(request_.cascade);
  v1::SourceImage& source = *request.mutable_image();
  ASSIGN_OR_RETURN(*source.mutable_data(), ReadWholeFile("--image", image_));
  ASSIGN_OR_RETURN(const v1::ResizeRule resize, ParseResize(resize_));
  source.set_resize(resize);
  if (first_stage_.has_value()) source.set_first_stage(*first_stage_);
  return request;
}

absl::StatusOr<std::vector<v1::UpscaleImageRequest>>
UpscaleCommand::ReadSources() const {
  std::vector<v1::UpscaleImageRequest> requests;
  for (const std::string& path : states_) {
    v1::UpscaleImageRequest& request = requests.emplace_back();
    ASSIGN_OR_RETURN(*request.mutable_state(), ReadStateFile(path));
    request.set_cascade(request_.cascade.empty() ? request.state().cascade()
                                                 : request_.cascade);
  }
  if (requests.empty()) {
    ASSIGN_OR_RETURN(requests.emplace_back(), ReadImage());
  }
  return requests;
}

ExitCode UpscaleCommand::Upscale(ImageClient& client,
                                 v1::UpscaleImageRequest request,
                                 const ImageClient::CallOptions& options,
                                 const v1::Cascade& cascade,
                                 CancelToken& cancel) const {
  const int first_stage = FirstStage(request, cascade);
  auto fields = request_.ToRequest(cascade, first_stage);
  if (!fields.ok()) return Complain(fields.status(), kExitUsage);
  if (const absl::Status status = delivery_.Shape(*fields); !status.ok()) {
    return Complain(status, kExitUsage);
  }
  SetFields(*fields, request);
  LabelAs(request, *fields);
  auto delivery = Delivery::Create(delivery_, request_.format, *fields,
                                   first_stage, cascade, cancel);
  if (!delivery.ok()) return Complain(delivery.status(), kExitFailed);
  ImageClient::CallOptions calls = options;
  calls.on_restart = [&](const CallStatus& ended) { delivery->Restart(ended); };
  return delivery->End(client.Upscale(
      request, calls,
      [&](const v1::GenerateImageResponse& event) { delivery->Take(event); }));
}

ExitCode UpscaleCommand::UpscaleOne(ImageClient& client,
                                    v1::UpscaleImageRequest request,
                                    CancelToken& cancel) const {
  auto options = call_.ToOptions();
  if (!options.ok()) return Complain(options.status(), kExitUsage);
  options->cancel = &cancel;
  v1::GetCascadeResponse response;
  const CallStatus status =
      client.GetCascade(request.cascade(), *options, response);
  if (!status.ok()) return DeliverError(delivery_, status);
  return Upscale(client, std::move(request), *options, response.cascade(),
                 cancel);
}

ExitCode UpscaleCommand::Run() const {
  if (const absl::Status status = Check(); !status.ok()) {
    return Complain(status, kExitUsage);
  }
  auto requests = ReadSources();
  if (!requests.ok()) return Complain(requests.status(), kExitUsage);
  CancelToken cancel;
  const InterruptWatcher interrupts([&cancel] { cancel.Cancel(); });
  ImageClient client(MakeChannel(call_.server));
  ExitCode exit_code = kExitOk;
  for (v1::UpscaleImageRequest& request : *requests) {
    exit_code = UpscaleOne(client, std::move(request), cancel);
    if (exit_code != kExitOk) break;
  }
  return interrupts.interrupted() ? kExitInterrupted : exit_code;
}

}  // namespace cascade
