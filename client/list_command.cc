#include "client/list_command.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/event_json.h"
#include "client/image_client.h"
#include "client/server_flag.h"

namespace cascade {
namespace {

constexpr int kMaxClassNames = 12;

std::string Classes(const v1::Cascade& cascade) {
  if (cascade.num_classes() == 0) return "unconditional";
  std::string text = absl::StrCat(cascade.num_classes(), " classes");
  const int listed = std::min(kMaxClassNames, cascade.class_names_size());
  for (int i = 0; i < listed; ++i) {
    absl::StrAppend(&text, i == 0 ? ": " : ", ", cascade.class_names(i));
  }
  if (listed < cascade.class_names_size()) absl::StrAppend(&text, ", ...");
  return text;
}

void Print(const v1::Cascade& cascade) {
  std::printf("%s  %s\n  %s\n", cascade.name().c_str(),
              cascade.description().c_str(), Classes(cascade).c_str());
  for (const v1::Stage& stage : cascade.stages()) {
    std::string sampler = v1::SamplerKind_Name(stage.default_sampler().kind());
    sampler.erase(0, std::string("SAMPLER_KIND_").size());
    std::string line = absl::StrFormat(
        "  stage %d  %-9s %d channel%s, %.1f M parameters; default %s, %d "
        "steps, guidance %g",
        stage.index(), stage.name(), stage.channels(),
        stage.channels() == 1 ? "" : "s",
        1e-6 * static_cast<double>(stage.parameters()), sampler,
        stage.default_sampler().steps(), stage.default_guidance().scale());
    if (stage.has_augmentation()) {
      absl::StrAppendFormat(&line, ", augmentation %g",
                            stage.augmentation().default_level());
    }
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace

ListCommand::ListCommand(CLI::App& app)
    : command_(app.add_subcommand("list", "Lists the loaded cascades")) {
  AddServerFlag(*command_, server_);
  command_->add_flag("--json", json_, "One JSON object a cascade and line");
  command_->footer(kExitCodesHelp);
}

ExitCode ListCommand::Run() const {
  ImageClient client(MakeChannel(server_));
  v1::ListCascadesResponse response;
  const CallStatus status = client.ListCascades(
      ImageClient::CallOptions::Within(absl::Seconds(30)), response);
  if (!status.ok()) {
    if (json_) std::printf("%s\n", JsonLine(ToJson(status)).c_str());
    std::fprintf(stderr, "cascade: %s\n", Explain(status).c_str());
    return ExitCodeOf(status);
  }
  for (const v1::Cascade& cascade : response.cascades()) {
    if (json_) {
      std::printf("%s\n", JsonLine(ToJson(cascade)).c_str());
    } else {
      Print(cascade);
    }
  }
  if (!json_) {
    std::printf("server: %s\n", response.server().build().c_str());
  }
  return kExitOk;
}

}  // namespace cascade
