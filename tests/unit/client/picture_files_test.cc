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

// Below the tests' folder; not there yet.
std::filesystem::path Folder(const std::string& name) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "picture_files_test" / name;
  std::filesystem::remove_all(folder);
  return folder;
}

TEST(PictureFilesTest, NamesFilesByWhatTheyAre) {
  const std::filesystem::path folder = Folder("names");
  const auto output = OutputFolder::Create("--out", folder, "digits", "7");
  ASSERT_TRUE(output.ok()) << output.status();
  const auto path = PictureFiles(*output, false).Write(Image());
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, folder / "digits-7-seed42-stage2-32x32.png");
  std::ifstream file(*path, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "bytes");
}

}  // namespace
}  // namespace cascade
