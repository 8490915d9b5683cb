#include "client/generate_command.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/event_json.h"
#include "client/event_view.h"
#include "client/image_client.h"
#include "client/interrupt_watcher.h"
#include "client/json_view.h"
#include "client/live_view.h"
#include "client/picture_files.h"
#include "client/plain_view.h"
#include "client/server_flag.h"
#include "client/terminal.h"

namespace cascade {
namespace {

// On a terminal, so that bars move though nobody asked for previews.
constexpr int kPreviewEverySteps = 4;

ExitCode Complain(const absl::Status& status, ExitCode exit_code) {
  std::fprintf(stderr, "cascade: %s\n", std::string(status.message()).c_str());
  return exit_code;
}

bool WritesPng(const v1::OutputOptions& output) {
  return output.format() == v1::IMAGE_FORMAT_UNSPECIFIED ||
         output.format() == v1::IMAGE_FORMAT_PNG;
}

std::unique_ptr<EventView> MakeView(const v1::GenerateImageRequest& request,
                                    const v1::Cascade& cascade, bool json,
                                    bool show, const Terminal& terminal) {
  if (json) return std::make_unique<JsonView>();
  if (!terminal.is_terminal) {
    return std::make_unique<PlainView>(cascade, show, terminal);
  }
  const int count = request.has_image_count() ? request.image_count() : 1;
  // More are refused, and need no room on the screen.
  constexpr int kMostImages = 1'000'000;
  return std::make_unique<LiveView>(
      cascade,
      absl::StrCat(cascade.name(), ", class ", ClassLabel(request, cascade)),
      TargetStage(request, cascade) + 1, std::clamp(count, 1, kMostImages),
      show, terminal);
}

// Writes the images of a stream and shows its events. A file that cannot be
// written cancels the call.
class Receiver {
 public:
  Receiver(EventView& view, std::optional<PictureFiles> files,
           CancelToken& cancel)
      : view_(view), files_(std::move(files)), cancel_(cancel) {}

  void Take(const v1::GenerateImageResponse& event) {
    std::string file;
    if (event.has_stage_image() && files_.has_value()) {
      absl::StatusOr<std::string> written = files_->Write(event.stage_image());
      if (!written.ok()) {
        status_ = written.status();
        cancel_.Cancel();
        return;
      }
      file = *std::move(written);
    }
    view_.Show(event, file);
  }

  const absl::Status& status() const { return status_; }

 private:
  EventView& view_;
  const std::optional<PictureFiles> files_;
  CancelToken& cancel_;
  absl::Status status_;
};

}  // namespace

GenerateCommand::GenerateCommand(CLI::App& app)
    : command_(app.add_subcommand("generate", "Draws images")) {
  AddServerFlag(*command_, server_);
  request_.AddTo(*command_);
  command_->add_option("--deadline", deadline_,
                       "Give up after this long: 30s, 500ms");
  command_->add_option("--out", out_,
                       "The folder for the images; made if need be. Without "
                       "it, none are written");
  command_->add_option("--request-id", request_id_,
                       "Names the call in the server's log");
  command_->add_flag("--json", json_, "One JSON object a line, for scripts");
  command_->add_flag("--show", show_,
                     "Draws previews and images in the terminal (with --format "
                     "png or raw)");
  command_->footer(kExitCodesHelp);
}

absl::StatusOr<v1::GenerateImageRequest> GenerateCommand::MakeRequest(
    const v1::Cascade& cascade, const Terminal& terminal) const {
  absl::StatusOr<v1::GenerateImageRequest> request =
      request_.ToRequest(cascade);
  if (!request.ok()) return request;
  v1::OutputOptions& output = *request->mutable_output();
  if (show_) {
    if (!WritesPng(output) && output.format() != v1::IMAGE_FORMAT_RAW) {
      return absl::InvalidArgumentError(
          "--show draws images of --format png or raw only");
    }
    // Only raw pixels can be drawn; the files are PNG all the same.
    output.set_format(v1::IMAGE_FORMAT_RAW);
  }
  if (terminal.is_terminal && !json_ && !request_.previews.has_value()) {
    output.set_preview_every_steps(kPreviewEverySteps);
  }
  return request;
}

absl::StatusOr<std::optional<PictureFiles>> GenerateCommand::MakeFiles(
    const v1::GenerateImageRequest& request, const v1::Cascade& cascade) const {
  if (out_.empty()) return std::optional<PictureFiles>();
  // Raw pixels were asked for to be drawn, unless --format says so.
  const bool as_png = show_ && request_.format != "raw";
  absl::StatusOr<PictureFiles> files = PictureFiles::Create(
      out_, request_.cascade, ClassLabel(request, cascade), as_png);
  if (!files.ok()) return files.status();
  return std::optional<PictureFiles>(*std::move(files));
}

ExitCode GenerateCommand::Generate(ImageClient& client,
                                   const ImageClient::CallOptions& options,
                                   const v1::Cascade& cascade,
                                   CancelToken& cancel) const {
  const Terminal terminal = DescribeTerminal();
  const auto request = MakeRequest(cascade, terminal);
  if (!request.ok()) return Complain(request.status(), kExitUsage);
  auto files = MakeFiles(*request, cascade);
  if (!files.ok()) return Complain(files.status(), kExitFailed);
  const std::unique_ptr<EventView> view =
      MakeView(*request, cascade, json_, show_, terminal);
  Receiver receiver(*view, *std::move(files), cancel);
  const CallStatus status = client.Generate(
      *request, options,
      [&](const v1::GenerateImageResponse& event) { receiver.Take(event); });
  if (!receiver.status().ok()) return Complain(receiver.status(), kExitFailed);
  view->End(status);
  return ExitCodeOf(status.code);
}

ExitCode GenerateCommand::Run() const {
  if (out_.empty() && !json_ && !show_) {
    return Complain(absl::InvalidArgumentError(
                        "one of --out DIR, --show and --json is required"),
                    kExitUsage);
  }
  ImageClient::CallOptions options;
  options.request_id = request_id_;
  if (!deadline_.empty()) {
    const auto deadline = ParseDurationFlag("--deadline", deadline_);
    if (!deadline.ok()) return Complain(deadline.status(), kExitUsage);
    options.deadline = absl::Now() + *deadline;
  }
  CancelToken cancel;
  options.cancel = &cancel;
  const InterruptWatcher interrupts([&cancel] { cancel.Cancel(); });
  ImageClient client(MakeChannel(server_));
  v1::GetCascadeResponse response;
  const CallStatus status =
      client.GetCascade(request_.cascade, options, response);
  ExitCode exit_code = ExitCodeOf(status.code);
  if (status.ok()) {
    exit_code = Generate(client, options, response.cascade(), cancel);
  } else {
    MakeView({}, response.cascade(), json_, show_, {})->End(status);
  }
  return interrupts.interrupted() ? kExitInterrupted : exit_code;
}

}  // namespace cascade
