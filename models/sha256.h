#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace cascade {

// The SHA-256 of `bytes`.
std::array<uint8_t, 32> Sha256(std::span<const std::byte> bytes);
// The same as 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::span<const std::byte> bytes);

}  // namespace cascade
