#include "client/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace cascade {
namespace {

using ::testing::HasSubstr;

// Below the tests' folder; not there yet.
std::filesystem::path Folder(const std::string& name) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "output_folder_test" / name;
  std::filesystem::remove_all(folder);
  return folder;
}

TEST(OutputFolderTest, StaysInsideItsFolder) {
  const std::filesystem::path path = Folder("inside");
  const auto folder = OutputFolder::Create("--out", path, "../x", "a/b c");
  ASSERT_TRUE(folder.ok()) << folder.status();
  const auto file = folder->Write("seed1.png", "bytes");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(std::filesystem::path(*file).parent_path(), path);
}

TEST(OutputFolderTest, SaysThatAFolderCannotBeMade) {
  const std::filesystem::path path = Folder("blocked");
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << "a file";
  const auto folder = OutputFolder::Create("--states", path, "digits", "7");
  EXPECT_THAT(std::string(folder.status().message()),
              HasSubstr("--states " + path.string()));
}

}  // namespace
}  // namespace cascade
