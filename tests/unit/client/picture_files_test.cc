#include "client/picture_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace cascade {
namespace {

v1::StageImage Image() {
  v1::StageImage image;
  image.set_image_seed(42);
  image.set_stage(2);
  image.mutable_image()->set_format(v1::IMAGE_FORMAT_PNG);
  image.mutable_image()->set_width(32);
  image.mutable_image()->set_height(32);
  image.mutable_image()->set_data("bytes");
  return image;
}

std::filesystem::path Folder(const std::string& name) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "picture_files_test" / name;
  std::filesystem::remove_all(folder);
  return folder;
}

TEST(PictureFilesTest, NamesFilesByWhatTheyAre) {
  const std::filesystem::path folder = Folder("names");
  const auto files = PictureFiles::Create(folder, "digits", "7", false);
  ASSERT_TRUE(files.ok()) << files.status();
  const auto path = files->Write(Image());
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, folder / "digits-7-seed42-stage2-32x32.png");
  std::ifstream file(*path, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "bytes");
}

TEST(PictureFilesTest, StaysInsideItsFolder) {
  const std::filesystem::path folder = Folder("inside");
  const auto files = PictureFiles::Create(folder, "../x", "a/b c", false);
  ASSERT_TRUE(files.ok()) << files.status();
  const auto path = files->Write(Image());
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(std::filesystem::path(*path).parent_path(), folder);
}

TEST(PictureFilesTest, SaysThatAFolderCannotBeMade) {
  const std::filesystem::path folder = Folder("blocked");
  std::filesystem::create_directories(folder.parent_path());
  std::ofstream(folder) << "a file";
  EXPECT_FALSE(PictureFiles::Create(folder, "digits", "7", false).ok());
}

}  // namespace
}  // namespace cascade
