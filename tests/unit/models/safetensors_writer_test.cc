#include "models/weights/safetensors_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/sha256.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

class SafetensorsWriterTest : public testing::Test {
 protected:
  SafetensorsWriterTest()
      : folder_(testing::TempDir() + "/" +
                testing::UnitTest::GetInstance()->current_test_info()->name()),
        path_(folder_ + "/x.safetensors") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  // One byte and two floats.
  SafetensorsWriter Begin() const {
    auto writer = SafetensorsWriter::Create(
        path_, {{"a", {.type = TensorType::kU8, .shape = {1}}},
                {"b", {.type = TensorType::kF32, .shape = {2}}}});
    EXPECT_OK(writer);
    return *std::move(writer);
  }
  size_t FilesInFolder() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  const std::string folder_;
  const std::string path_;
  const std::vector<std::byte> bytes_ = std::vector<std::byte>(8, std::byte{7});
};

TEST_F(SafetensorsWriterTest, WritesTheWidestTensorFirst) {
  SafetensorsWriter writer = Begin();
  EXPECT_THAT(writer.order(), ElementsAre("b", "a"));
  EXPECT_OK(writer.Write(bytes_));
  EXPECT_OK(writer.Write(std::span(bytes_).first(1)));
  EXPECT_FALSE(std::filesystem::exists(path_));
  const auto digest = writer.Finish();
  ASSERT_OK(digest);
  EXPECT_EQ(*digest, Sha256Hex(ReadWholeFile(path_).value()));
  const auto file = SafetensorsFile::Read(path_);
  ASSERT_OK(file);
  EXPECT_EQ(file->tensors().at("b").bytes.size(), 8u);
  EXPECT_EQ(file->tensors().at("a").bytes[0], std::byte{7});
}

TEST_F(SafetensorsWriterTest, RefusesTensorsThatAreNotWhatWasSaid) {
  SafetensorsWriter writer = Begin();
  EXPECT_THAT(writer.Write(std::span(bytes_).first(4)),
              HasCode(StatusCode::kInvalidArgument));
  EXPECT_OK(writer.Write(bytes_));
  EXPECT_THAT(writer.Finish().status().message(),
              HasSubstr("tensor a has not been written"));
  EXPECT_OK(writer.Write(std::span(bytes_).first(1)));
  EXPECT_THAT(writer.Write({}).message(), HasSubstr("0 bytes for no tensor"));
}

TEST_F(SafetensorsWriterTest, LeavesNothingUnfinished) {
  {
    SafetensorsWriter writer = Begin();
    EXPECT_OK(writer.Write(bytes_));
    EXPECT_EQ(FilesInFolder(), 1u);
  }
  EXPECT_EQ(FilesInFolder(), 0u);
}

TEST_F(SafetensorsWriterTest, NamesAFolderThatIsAbsent) {
  const auto writer =
      SafetensorsWriter::Create(folder_ + "/none/x.safetensors", {});
  EXPECT_THAT(writer, HasCode(StatusCode::kUnavailable));
  EXPECT_THAT(writer.status().message(), HasSubstr("/none/x.safetensors"));
}

}  // namespace
}  // namespace cascade
