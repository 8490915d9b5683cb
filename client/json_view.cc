#include "client/json_view.h"

#include <cstdio>

#include "client/event_json.h"

namespace cascade {
namespace {

void Print(const nlohmann::ordered_json& json) {
  std::printf("%s\n", JsonLine(json).c_str());
  std::fflush(stdout);
}

}  // namespace

void JsonView::Show(const v1::GenerateImageResponse& event,
                    const WrittenFiles& files) {
  Print(ToJson(event, files));
}

void JsonView::Restart(const CallStatus& ended) {
  nlohmann::ordered_json json = ToJson(ended);
  json["event"] = "restarted";
  Print(json);
}

void JsonView::End(const CallStatus& status) {
  if (status.ok()) return;
  Print(ToJson(status));
  std::fprintf(stderr, "cascade: %s\n", Explain(status).c_str());
}

}  // namespace cascade
