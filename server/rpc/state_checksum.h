#pragma once

#include <string>

#include "cascade/v1/stage_state.pb.h"

namespace cascade {

// The layout of states that this server makes and reads.
inline constexpr uint32_t kStateFormatVersion = 1;

// What `state.checksum` must be: 32 bytes. stage_state.proto has the layout
// that it is computed over.
std::string StateChecksum(const v1::StageState& state);

}  // namespace cascade
