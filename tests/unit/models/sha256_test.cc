#include "models/sha256.h"

#include <gtest/gtest.h>

namespace cascade {
namespace {

// The examples of FIPS 180-4.
TEST(Sha256Test, GivesThePublishedDigests) {
  const std::string text = "abc";
  const auto bytes = std::as_bytes(std::span(text));
  EXPECT_EQ(Sha256Hex(bytes),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex({}),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256(bytes)[0], 0xba);
  EXPECT_EQ(Sha256(bytes)[31], 0xad);
}

TEST(Sha256StreamTest, GivesTheDigestOfAllPieces) {
  const std::string text = "abc";
  const auto bytes = std::as_bytes(std::span(text));
  Sha256Stream stream;
  stream.Update(bytes.first(1));
  stream.Update({});
  stream.Update(bytes.subspan(1));
  EXPECT_EQ(stream.FinishHex(), Sha256Hex(bytes));
}

}  // namespace
}  // namespace cascade
