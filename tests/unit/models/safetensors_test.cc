#include "models/weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

using testing::HasSubstr;

// A file with `header` and `data_bytes` bytes behind it.
std::vector<std::byte> FileWith(const std::string& header, size_t data_bytes) {
  const uint64_t size = header.size();
  std::vector<std::byte> bytes(sizeof(size) + header.size() + data_bytes);
  std::memcpy(bytes.data(), &size, sizeof(size));
  std::memcpy(bytes.data() + sizeof(size), header.data(), header.size());
  return bytes;
}

std::string ErrorOf(const std::string& header, size_t data_bytes) {
  const auto file = SafetensorsFile::Parse(FileWith(header, data_bytes), "f");
  return std::string(file.status().message());
}

TEST(SafetensorsTest, WritesWhatItReads) {
  const std::string path = testing::TempDir() + "/written.safetensors";
  const std::vector<float> floats = {1.5f, -2, 3, 0};
  const std::vector<uint8_t> bytes = {7, 8, 9};
  ASSERT_TRUE(WriteSafetensors(path,
                               {{"a.u8",
                                 {.type = TensorType::kU8,
                                  .shape = {3},
                                  .bytes = std::as_bytes(std::span(bytes))}},
                                {"b",
                                 {.type = TensorType::kF32,
                                  .shape = {2, 2},
                                  .bytes = std::as_bytes(std::span(floats))}}},
                               {{"who", "me"}})
                  .ok());
  const auto file = SafetensorsFile::Read(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata().at("who"), "me");
  const TensorView& tensor = file->tensors().at("b");
  EXPECT_EQ(tensor.type, TensorType::kF32);
  EXPECT_EQ(tensor.shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(std::memcmp(tensor.bytes.data(), floats.data(), 16), 0);
  EXPECT_EQ(file->tensors().at("a.u8").bytes.size(), 3u);
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST(SafetensorsTest, RefusesAWrongByteCount) {
  const std::vector<float> floats = {1, 2, 3};
  const absl::Status status =
      WriteSafetensors(testing::TempDir() + "/wrong.safetensors",
                       {{"x",
                         {.type = TensorType::kF32,
                          .shape = {2, 2},
                          .bytes = std::as_bytes(std::span(floats))}}});
  EXPECT_THAT(std::string(status.message()), HasSubstr("tensor x"));
}

TEST(SafetensorsTest, ReadsAnEmptyFileOfTensors) {
  EXPECT_EQ(ErrorOf("{}", 0), "");
  EXPECT_EQ(
      ErrorOf(R"({"e":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", 0),
      "");
}

TEST(SafetensorsTest, SaysWhatIsWrong) {
  const std::string good =
      R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_EQ(ErrorOf(good, 8), "");
  EXPECT_THAT(ErrorOf(good, 7), HasSubstr("f: truncated: tensor x"));
  EXPECT_THAT(ErrorOf(good, 9), HasSubstr("belong to no tensor"));
  EXPECT_THAT(ErrorOf("{", 0), HasSubstr("bad header: not JSON"));
  EXPECT_THAT(ErrorOf("[]", 0), HasSubstr("not a JSON object"));
  const auto entry = [](const std::string& fields) {
    return "{\"x\":{" + fields + "}}";
  };
  EXPECT_THAT(
      ErrorOf(entry(R"("dtype":"F99","shape":[2],"data_offsets":[0,8])"), 8),
      HasSubstr("tensor x: unknown dtype F99"));
  EXPECT_THAT(
      ErrorOf(entry(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), 8),
      HasSubstr("bad shape"));
  EXPECT_THAT(
      ErrorOf(entry(R"("dtype":"F32","shape":[2.5],"data_offsets":[0,8])"), 8),
      HasSubstr("bad shape"));
  EXPECT_THAT(
      ErrorOf(entry(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), 8),
      HasSubstr("do not fit shape"));
  EXPECT_THAT(
      ErrorOf(entry(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), 8),
      HasSubstr("do not fit shape"));
  EXPECT_THAT(
      ErrorOf(entry(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), 8),
      HasSubstr("bad data_offsets"));
  EXPECT_THAT(ErrorOf(entry(R"("dtype":"F32","shape":[2])"), 8),
              HasSubstr("must have dtype, shape and data_offsets"));
  // The product of the dimensions overflows 64 bits.
  EXPECT_THAT(
      ErrorOf(entry(R"("dtype":"F32","shape":[4294967296,4294967296,4],)"
                    R"("data_offsets":[0,0])"),
              0),
      HasSubstr("do not fit shape"));
  EXPECT_THAT(ErrorOf(R"({"__metadata__":{"a":1}})", 0),
              HasSubstr("__metadata__.a must be a string"));
}

TEST(SafetensorsTest, RefusesOverlapsGapsAndRepetitions) {
  EXPECT_THAT(
      ErrorOf(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
              R"("y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
              12),
      HasSubstr("tensor y begins at byte 4, inside another one"));
  EXPECT_THAT(
      ErrorOf(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
              R"("y":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
              12),
      HasSubstr("behind a gap"));
  EXPECT_THAT(
      ErrorOf(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
              R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
              4),
      HasSubstr("x appears twice"));
}

TEST(SafetensorsTest, RefusesRepeatedFields) {
  EXPECT_THAT(ErrorOf(R"({"x":{"dtype":"F32","shape":[9],"shape":[1],)"
                      R"("data_offsets":[0,4]}})",
                      4),
              HasSubstr("shape appears twice"));
}

// A parser's depth and time are the attacker's to choose, if nobody limits
// them.
TEST(SafetensorsTest, SurvivesHostileHeaders) {
  const std::string deep(1'000'000, '[');
  EXPECT_THAT(ErrorOf(R"({"x":{"dtype":"F32","data_offsets":[0,0],"shape":[)" +
                          deep + std::string(deep.size(), ']') + "]}}",
                      0),
              HasSubstr("nested"));
  std::string many = "{";
  for (int i = 0; i < 200'000; ++i) {
    absl::StrAppend(&many, "\"", i,
                    R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)");
  }
  many.back() = '}';
  EXPECT_EQ(ErrorOf(many, 0), "");
}

TEST(SafetensorsTest, SurvivesEveryTruncation) {
  const std::string header =
      R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const std::vector<std::byte> whole = FileWith(header, 8);
  for (size_t size = 0; size < whole.size(); ++size) {
    std::vector<std::byte> part(whole.begin(),
                                whole.begin() + static_cast<long>(size));
    EXPECT_EQ(SafetensorsFile::Parse(part, "f").status().code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
  std::vector<std::byte> huge = whole;
  std::memset(huge.data(), 0xff, 8);
  EXPECT_FALSE(SafetensorsFile::Parse(huge, "f").ok());
}

TEST(SafetensorsTest, NamesAMissingFile) {
  const auto file = SafetensorsFile::Read("/nowhere/x.safetensors");
  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(file.status().message()),
              HasSubstr("/nowhere/x.safetensors"));
}

}  // namespace
}  // namespace cascade
