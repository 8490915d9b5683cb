#include "client/state_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace cascade {
namespace {

using ::testing::HasSubstr;

std::filesystem::path Folder() {
  return std::filesystem::path(::testing::TempDir()) / "state_files_test";
}

StateFiles Files() {
  return StateFiles(*OutputFolder::Create("--states", Folder(), "digits", "7"));
}

v1::StageImage ImageWithState() {
  v1::StageImage image;
  image.set_image_seed(42);
  image.mutable_state()->set_format_version(1);
  image.mutable_state()->set_cascade("digits");
  image.mutable_state()->set_values(std::string(1000, '\0'));
  return image;
}

TEST(StateFilesTest, WhatIsWrittenIsRead) {
  const auto path = Files().Write(ImageWithState());
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, Folder() / "digits-7-seed42-stage0.state");
  const auto state = ReadStateFile(*path);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->SerializeAsString(),
            ImageWithState().state().SerializeAsString());
}

TEST(StateFilesTest, AnImageWithoutAStateHasNoFile) {
  const auto path = Files().Write(v1::StageImage());
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, "");
}

TEST(StateFilesTest, NamesTheFileThatIsNone) {
  const auto message = [](const std::filesystem::path& path) {
    return std::string(ReadStateFile(path).status().message());
  };
  EXPECT_THAT(message(Folder() / "nowhere"), HasSubstr("cannot be read"));
  const std::filesystem::path path = *Files().Write(ImageWithState());
  std::filesystem::resize_file(path, 500);
  EXPECT_THAT(message(path), HasSubstr(path.string()));
  EXPECT_THAT(message(path), HasSubstr("not whole"));
  std::ofstream(path) << "no state";
  EXPECT_THAT(message(path), HasSubstr("is no stage state"));
}

}  // namespace
}  // namespace cascade
