#include "client/delivery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/complaint.h"
#include "client/json_view.h"
#include "client/live_view.h"
#include "client/plain_view.h"
#include "client/request_flags.h"
#include "client/terminal.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// On a terminal, so that bars move though nobody asked for previews.
constexpr int kPreviewEverySteps = 4;

bool WritesPng(const v1::OutputOptions& output) {
  return output.format() == v1::IMAGE_FORMAT_UNSPECIFIED ||
         output.format() == v1::IMAGE_FORMAT_PNG;
}

std::unique_ptr<EventView> MakeView(const DeliveryFlags& flags,
                                    const v1::GenerateImageRequest& request,
                                    int first_stage, const v1::Cascade& cascade,
                                    const Terminal& terminal) {
  if (flags.json) return std::make_unique<JsonView>();
  if (!terminal.is_terminal) {
    return std::make_unique<PlainView>(cascade, flags.show, terminal);
  }
  const int count = request.has_image_count() ? request.image_count() : 1;
  // More are refused, and need no room on the screen.
  constexpr int kMostImages = 1'000'000;
  return std::make_unique<LiveView>(
      cascade,
      absl::StrCat(cascade.name(), ", class ", ClassLabel(request, cascade)),
      first_stage, TargetStage(request, cascade),
      std::clamp(count, 1, kMostImages), flags.show, terminal);
}

}  // namespace

void DeliveryFlags::AddTo(CLI::App& command) {
  command.add_option("--out", out,
                     "The folder for the images; made if need be. Without it, "
                     "none are written");
  command.add_option("--states", states,
                     "The folder for the exact results of the last stage, from "
                     "which `cascade upscale --state` goes on");
  command.add_flag("--json", json, "One JSON object a line, for scripts");
  command.add_flag("--show", show,
                   "Draws previews and images in the terminal (with --format "
                   "png or raw)");
}

absl::Status DeliveryFlags::Check() const {
  if (!out.empty() || !states.empty() || json || show) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "one of --out DIR, --states DIR, --show and --json is required");
}

absl::Status DeliveryFlags::Shape(v1::GenerateImageRequest& request) const {
  if (!states.empty()) request.set_return_stage_state(true);
  v1::OutputOptions& output = *request.mutable_output();
  if (show) {
    if (!WritesPng(output) && output.format() != v1::IMAGE_FORMAT_RAW) {
      return absl::InvalidArgumentError(
          "--show draws images of --format png or raw only");
    }
    // Only raw pixels can be drawn; the files are PNG all the same.
    output.set_format(v1::IMAGE_FORMAT_RAW);
  }
  if (DescribeTerminal().is_terminal && !json &&
      !output.has_preview_every_steps()) {
    output.set_preview_every_steps(kPreviewEverySteps);
  }
  return absl::OkStatus();
}

absl::StatusOr<Delivery> Delivery::Create(
    const DeliveryFlags& flags, const std::string& format,
    const v1::GenerateImageRequest& request, int first_stage,
    const v1::Cascade& cascade, CancelToken& cancel) {
  Delivery delivery(cancel);
  const std::string label = ClassLabel(request, cascade);
  if (!flags.out.empty()) {
    ASSIGN_OR_RETURN(
        OutputFolder folder,
        OutputFolder::Create("--out", flags.out, cascade.name(), label));
    // Raw pixels were asked for to be drawn, unless --format says so.
    delivery.pictures_.emplace(
        std::move(folder),
        flags.show && !absl::EqualsIgnoreCase(format, "raw"));
  }
  if (!flags.states.empty()) {
    ASSIGN_OR_RETURN(
        OutputFolder folder,
        OutputFolder::Create("--states", flags.states, cascade.name(), label));
    delivery.states_.emplace(std::move(folder));
  }
  delivery.view_ =
      MakeView(flags, request, first_stage, cascade, DescribeTerminal());
  return delivery;
}

absl::StatusOr<WrittenFiles> Delivery::Write(
    const v1::StageImage& image) const {
  WrittenFiles files;
  if (pictures_.has_value()) {
    ASSIGN_OR_RETURN(files.picture, pictures_->Write(image));
  }
  if (states_.has_value()) {
    ASSIGN_OR_RETURN(files.state, states_->Write(image));
  }
  return files;
}

void Delivery::Take(const v1::GenerateImageResponse& event) {
  WrittenFiles files;
  if (event.has_stage_image()) {
    absl::StatusOr<WrittenFiles> written = Write(event.stage_image());
    if (!written.ok()) {
      write_status_ = written.status();
      cancel_->Cancel();
      return;
    }
    files = *std::move(written);
  }
  view_->Show(event, files);
}

void Delivery::Restart(const CallStatus& ended) { view_->Restart(ended); }

ExitCode Delivery::End(const CallStatus& status) {
  if (!write_status_.ok()) return Complain(write_status_, kExitFailed);
  view_->End(status);
  return ExitCodeOf(status);
}

ExitCode DeliverError(const DeliveryFlags& flags, const CallStatus& status) {
  MakeView(flags, {}, 0, {}, {})->End(status);
  return ExitCodeOf(status);
}

}  // namespace cascade
