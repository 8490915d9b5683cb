#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cascade/v1/cascade_service.pb.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "client/call_status.h"
#include "client/event_view.h"

namespace cascade {

// {"event": "stage_image", "image_seed": 42, "stage": 2, ..., "file": "..."}.
// Numbers are numbers, times are seconds; pixels and states are left out.
nlohmann::ordered_json ToJson(const v1::GenerateImageResponse& event,
                              const WrittenFiles& files);

// {"event": "error", "code": "INVALID_ARGUMENT", "reason": ..., "fields": ...}.
nlohmann::ordered_json ToJson(const CallStatus& status);

nlohmann::ordered_json ToJson(const v1::Cascade& cascade);

// One line, whatever bytes a text holds.
std::string JsonLine(const nlohmann::ordered_json& json);

}  // namespace cascade
