#include "models/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace cascade {
namespace {

std::string HexOf(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (uint8_t byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

// OpenSSL fails here only for want of memory or of the algorithm.
void Check(int result) {
  if (result != 1) std::abort();
}

}  // namespace

std::array<uint8_t, 32> Sha256(std::span<const std::byte> bytes) {
  std::array<uint8_t, 32> digest = {};
  Check(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr,
                   EVP_sha256(), nullptr));
  return digest;
}

std::string Sha256Hex(std::span<const std::byte> bytes) {
  return HexOf(Sha256(bytes));
}

void Sha256Stream::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new()) {
  Check(context_ != nullptr);
  Check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Sha256Stream::Update(std::span<const std::byte> bytes) {
  Check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

std::string Sha256Stream::FinishHex() {
  std::array<uint8_t, 32> digest = {};
  Check(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
  return HexOf(digest);
}

}  // namespace cascade
