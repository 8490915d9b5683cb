#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace cascade {

// The SHA-256 of `bytes`.
std::array<uint8_t, 32> Sha256(std::span<const std::byte> bytes);
// The same as 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::span<const std::byte> bytes);

// The same of bytes that come in pieces.
class Sha256Stream {
 public:
  Sha256Stream();

  void Update(std::span<const std::byte> bytes);
  // Of all pieces so far, as hexadecimal digits. Once, and last.
  std::string FinishHex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace cascade
