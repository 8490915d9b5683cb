#include "models/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace cascade {

std::array<uint8_t, 32> Sha256(std::span<const std::byte> bytes) {
  std::array<uint8_t, 32> digest = {};
  // Fails only for want of memory or of the algorithm.
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr,
                 EVP_sha256(), nullptr) != 1) {
    std::abort();
  }
  return digest;
}

std::string Sha256Hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (uint8_t byte : Sha256(bytes)) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace cascade
