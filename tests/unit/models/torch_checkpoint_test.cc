#include "models/import/torch_checkpoint.h"

#include <caffe2/serialize/inline_container.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "models/import/weight_source.h"
#include "tests/support/pickle_text.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

// 0, 1, 2, ... as floats.
std::string Floats(int count) {
  std::vector<float> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 0.0f);
  return {reinterpret_cast<const char*>(values.data()), values.size() * 4};
}

std::string StringOf(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Files as LibTorch writes them, in a folder of the test's own.
class TorchCheckpointTest : public testing::Test {
 protected:
  TorchCheckpointTest()
      : folder_(testing::TempDir() + "/" +
                testing::UnitTest::GetInstance()->current_test_info()->name()),
        path_(folder_ + "/file.pt") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  struct Record {
    std::string name;
    std::string bytes;
    bool compress = false;
  };

  void Write(const std::vector<Record>& records) {
    caffe2::serialize::PyTorchStreamWriter writer(path_);
    for (const Record& record : records) {
      writer.writeRecord(record.name, record.bytes.data(), record.bytes.size(),
                         record.compress);
    }
    writer.writeEndOfFile();
  }

  static PickleText OneTensor() {
    return PickleText()
        .BeginDict()
        .String("x")
        .Tensor("FloatStorage", "0", 6, 0, {2, 3}, {3, 1})
        .EndDict();
  }
  // A sound file of one tensor.
  void WriteGood() {
    Write({{"data.pkl", OneTensor().Finish()}, {"data/0", Floats(6)}});
  }

  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Replace(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  std::string Error() const {
    return std::string(OpenWeightSource(path_).status().message());
  }

  const std::string folder_;
  const std::string path_;
};

TEST_F(TorchCheckpointTest, ReadsViewsOfOneStorage) {
  // The records in the other order than the pickle names them.
  Write({{"data/1", "\x01\x02\x03\x04"},
         {"data/0", Floats(10)},
         {"byteorder", "little"},
         {"data.pkl", PickleText()
                          .BeginDict()
                          .String("half")
                          .Tensor("HalfStorage", "1", 2, 1, {1}, {1})
                          .String("transposed")
                          .Tensor("FloatStorage", "0", 10, 4, {2, 3}, {1, 2})
                          .String("rows")
                          .Tensor("FloatStorage", "0", 10, 0, {2, 2}, {3, 1})
                          .String("plain")
                          .Tensor("FloatStorage", "0", 10, 2, {3}, {1})
                          .String("empty")
                          .Tensor("FloatStorage", "0", 10, 0, {0, 3}, {3, 1})
                          .EndDict()
                          .Finish()}});
  const auto source = OpenWeightSource(path_);
  ASSERT_OK(source);
  const auto read = [&](const char* name) {
    const auto bytes = (*source)->Read(name);
    EXPECT_OK(bytes);
    return StringOf(*bytes);
  };
  const auto floats = [&](const char* name) {
    const std::string bytes = read(name);
    std::vector<float> values(bytes.size() / 4);
    if (!values.empty()) {
      std::memcpy(values.data(), bytes.data(), bytes.size());
    }
    return values;
  };
  EXPECT_EQ(read("half"), "\x03\x04");
  EXPECT_EQ((*source)->tensors().at("half").type, TensorType::kF16);
  EXPECT_EQ(floats("transposed"), (std::vector<float>{4, 6, 8, 5, 7, 9}));
  EXPECT_EQ(floats("rows"), (std::vector<float>{0, 1, 3, 4}));
  EXPECT_EQ(floats("plain"), (std::vector<float>{2, 3, 4}));
  EXPECT_EQ(floats("empty"), std::vector<float>());
  EXPECT_EQ((*source)->tensors().at("transposed").shape,
            (std::vector<int64_t>{2, 3}));
  EXPECT_THAT((*source)->Read("none"), HasCode(StatusCode::kNotFound));
}

TEST_F(TorchCheckpointTest, NamesWhatIsWrongWithAStorage) {
  Write({{"data.pkl", OneTensor().Finish()}, {"data/0", Floats(5)}});
  EXPECT_THAT(Error(), HasSubstr("tensor x: its storage file/data/0 has 20 "
                                 "bytes, 6 numbers of F32 take 24"));
  Write({{"data.pkl", OneTensor().Finish()}, {"data/1", Floats(6)}});
  EXPECT_THAT(Error(),
              HasSubstr("tensor x: its storage file/data/0 is missing"));
}

// Tensors, storages, entries and folders: an escape sequence in one of them
// must not reach the terminal. libzip refuses ESC in an entry, but not its
// relative CSI, which is U+009B.
TEST_F(TorchCheckpointTest, PrintsNamesWithoutControlCharacters) {
  const auto tensor = [](const std::string& name, const std::string& key) {
    return PickleText()
        .BeginDict()
        .String(name)
        .Tensor("FloatStorage", key, 6, 0, {2, 3}, {3, 1})
        .EndDict()
        .Finish();
  };
  const std::string csi = "\xc2\x9b";
  Write({{"data.pkl", tensor("a\x1b[2J", "k\x1b[0m")}});
  EXPECT_THAT(Error(), HasSubstr("tensor a?[2J: its storage file/data/k?[0m "
                                 "is missing"));
  Write({{"data.pkl", tensor("x", csi)}, {"data/" + csi, Floats(5)}});
  EXPECT_THAT(Error(), HasSubstr("its storage file/data/?? has 20 bytes"));
  Write({{"data.pkl", OneTensor().Finish()},
         {"data/0", Floats(6)},
         {"e" + csi, std::string(1 << 10, '\0'), true}});
  EXPECT_THAT(Error(), HasSubstr("entry file/e?? is compressed"));
  Write({{"data.pkl", OneTensor().Finish()},
         {"byteorder", "\x1b[1m"},
         {"data/0", Floats(6)}});
  EXPECT_THAT(Error(), HasSubstr("byteorder must be little, is ?[1m"));
  Write({{"data.pkl", tensor("x", csi)}, {"data/" + csi, Floats(6)}});
  std::string bytes = Bytes();
  bytes[bytes.find(Floats(6)) + 5] ^= 1;
  Replace(bytes);
  EXPECT_THAT(Error(), HasSubstr("entry file/data/??: CRC error"));
  // The folder, in every entry of the archive.
  Write({{"data.pkl", "N."}});
  bytes = Bytes();
  for (size_t at = 0; (at = bytes.find("file/", at)) != std::string::npos;) {
    bytes.replace(at, csi.size(), csi);
  }
  Replace(bytes);
  EXPECT_THAT(Error(), HasSubstr(": ??le/data.pkl: holds None"));
}

// A header of 0x4b50 bytes begins as the name of a zip archive does.
TEST_F(TorchCheckpointTest, TellsSafetensorsFromAZipArchive) {
  constexpr size_t kHeaderBytes = 0x4b50;
  std::string header =
      R"({"x":{"dtype":"F32","shape":[6],"data_offsets":[0,24]}})";
  header.resize(kHeaderBytes, ' ');
  const std::string length("PK\0\0\0\0\0\0", 8);
  Replace(length + header + Floats(6));
  const auto source = OpenWeightSource(path_);
  ASSERT_OK(source);
  const auto bytes = (*source)->Read("x");
  ASSERT_OK(bytes);
  EXPECT_EQ(StringOf(*bytes), Floats(6));
}

TEST_F(TorchCheckpointTest, RefusesAHostilePickleByFileAndName) {
  Write({{"data.pkl", PickleText()
                          .Global("os", "system")
                          .String("touch pwned")
                          .Raw("\x85R")
                          .Finish()}});
  EXPECT_THAT(OpenWeightSource(path_), HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(Error(), HasSubstr(path_ + ": file/data.pkl: pickle, byte 2: "
                                         "names os.system"));
}

TEST_F(TorchCheckpointTest, RefusesOtherFiles) {
  EXPECT_THAT(OpenWeightSource(path_), HasCode(StatusCode::kNotFound));
  Replace("");
  EXPECT_THAT(Error(), HasSubstr("neither a file of torch.save"));
  Replace("\x80\x04N.");
  EXPECT_THAT(Error(), HasSubstr("neither a file of torch.save"));
  Replace(std::string(
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15));
  EXPECT_THAT(Error(), HasSubstr("from before PyTorch 1.6"));
  Write({{"model.json", "{}"}});
  EXPECT_THAT(Error(), HasSubstr("it has no entry NAME/data.pkl"));
}

TEST_F(TorchCheckpointTest, RefusesCompressedEntries) {
  // Sixteen mebibytes of zeros are some kibibytes in the file.
  Write({{"data.pkl", OneTensor().Finish()},
         {"data/0", std::string(16 << 20, '\0'), true}});
  EXPECT_THAT(OpenWeightSource(path_), HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(Error(), HasSubstr("entry file/data/0 is compressed"));
}

TEST_F(TorchCheckpointTest, RefusesTheOtherByteOrder) {
  Write({{"data.pkl", OneTensor().Finish()},
         {"byteorder", "big"},
         {"data/0", Floats(6)}});
  EXPECT_THAT(Error(), HasSubstr("byteorder must be little, is big"));
}

TEST_F(TorchCheckpointTest, RefusesAHugePickle) {
  Write({{"data.pkl", std::string((16 << 20) + 1, 'N')}});
  EXPECT_THAT(Error(), HasSubstr("file/data.pkl has 16777217 bytes"));
}

TEST_F(TorchCheckpointTest, FindsADamagedByte) {
  WriteGood();
  std::string bytes = Bytes();
  bytes[bytes.find(Floats(6)) + 5] ^= 1;
  Replace(bytes);
  EXPECT_THAT(OpenWeightSource(path_), HasCode(StatusCode::kDataLoss));
  EXPECT_THAT(Error(), HasSubstr("file/data/0: CRC error"));
}

// Sizes that the file has not got, in the directory at its end.
TEST_F(TorchCheckpointTest, BelievesNoSizeThatTheFileHasNotGot) {
  WriteGood();
  const std::string good = Bytes();
  // The directory's entry of data/0: sizes stand 26 bytes before the name.
  const size_t name = good.rfind("file/data/0");
  ASSERT_NE(name, std::string::npos);
  for (const uint32_t size : {uint32_t{25}, uint32_t{1} << 30, 0xfffffff0u}) {
    std::string bytes = good;
    std::memcpy(&bytes[name - 26], &size, sizeof(size));
    std::memcpy(&bytes[name - 22], &size, sizeof(size));
    Replace(bytes);
    EXPECT_THAT(OpenWeightSource(path_), HasCode(StatusCode::kDataLoss));
  }
}

TEST_F(TorchCheckpointTest, RefusesEveryTruncation) {
  WriteGood();
  const std::string good = Bytes();
  for (size_t length = 0; length < good.size(); length += 7) {
    Replace(good.substr(0, length));
    EXPECT_FALSE(OpenWeightSource(path_).ok()) << length;
  }
}

// A damaged file is an error or, where the damage changes nothing that is used,
// gives the same tensor.
TEST_F(TorchCheckpointTest, SurvivesMutations) {
  WriteGood();
  const std::string good = Bytes();
  std::mt19937 random(1);
  int read = 0;
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = good;
    const int changes = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < changes; ++i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    Replace(bytes);
    const auto source = OpenWeightSource(path_);
    if (!source.ok()) continue;
    const auto tensor = (*source)->Read("x");
    if (!tensor.ok()) continue;
    ++read;
    ASSERT_EQ(StringOf(*tensor), Floats(6)) << round;
  }
  EXPECT_GT(read, 0);
}

// Files that torch.save wrote beside the same weights as safetensors.
TEST(TorchCheckpointReferenceTest, GivesTheSameBytesAsSafetensors) {
  for (const char* network : {"unet_legacy_attention", "super_res"}) {
    const auto folder = std::filesystem::path(CASCADE_REFERENCE_DIR) / network;
    if (!std::filesystem::exists(folder)) {
      GTEST_SKIP() << "no reference tensors in " << folder;
    }
    const auto torch = OpenWeightSource((folder / "checkpoint.pt").string());
    ASSERT_OK(torch);
    const auto safetensors =
        OpenWeightSource((folder / "weights.safetensors").string());
    ASSERT_OK(safetensors);
    EXPECT_EQ((*torch)->tensors().size(), (*safetensors)->tensors().size());
    for (const auto& [name, info] : (*safetensors)->tensors()) {
      ASSERT_TRUE((*torch)->tensors().contains(name)) << name;
      EXPECT_EQ((*torch)->tensors().at(name).shape, info.shape) << name;
      EXPECT_EQ((*torch)->tensors().at(name).type, info.type) << name;
      EXPECT_EQ((*torch)->Read(name).value(),
                (*safetensors)->Read(name).value())
          << name;
    }
  }
}

}  // namespace
}  // namespace cascade
