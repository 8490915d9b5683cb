#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace cascade {

// The SHA-256 of `bytes`: 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::span<const std::byte> bytes);

}  // namespace cascade
