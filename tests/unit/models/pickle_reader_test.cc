#include "models/import/pickle_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/support/pickle_text.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

auto Read(const std::string& pickle) {
  return ReadPickledStateDict(BytesOf(pickle));
}

std::string ErrorOf(const std::string& pickle) {
  return std::string(Read(pickle).status().message());
}

// Two tensors; the second a transposed view of the same storage.
std::string GoodPickle() {
  return PickleText()
      .BeginDict()
      .String("a.weight")
      .Tensor("FloatStorage", "0", 10, 0, {2, 3}, {3, 1})
      .String("a.bias")
      .Tensor("FloatStorage", "0", 10, 6, {2, 2}, {1, 2})
      .EndDict()
      .Finish();
}

TEST(PickleReaderTest, ReadsAStateDict) {
  const auto tensors = Read(GoodPickle());
  ASSERT_OK(tensors);
  ASSERT_EQ(tensors->size(), 2u);
  const PickledTensor& bias = tensors->at("a.bias");
  EXPECT_EQ(bias.storage, "0");
  EXPECT_EQ(bias.type, TensorType::kF32);
  EXPECT_EQ(bias.storage_elements, 10);
  EXPECT_EQ(bias.offset, 6);
  EXPECT_EQ(bias.shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(bias.strides, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(bias.span(), 4);
  EXPECT_EQ(tensors->at("a.weight").span(), 6);
}

TEST(PickleReaderTest, KnowsTheTypesOfStorages) {
  const std::vector<std::pair<const char*, TensorType>> types = {
      {"FloatStorage", TensorType::kF32},
      {"HalfStorage", TensorType::kF16},
      {"BFloat16Storage", TensorType::kBF16},
      {"DoubleStorage", TensorType::kF64},
      {"LongStorage", TensorType::kI64},
      {"IntStorage", TensorType::kI32},
      {"ByteStorage", TensorType::kU8},
      {"BoolStorage", TensorType::kBool}};
  for (const auto& [name, type] : types) {
    const auto tensors = Read(PickleText()
                                  .BeginDict()
                                  .String("x")
                                  .Tensor(name, "7", 1, 0, {}, {})
                                  .EndDict()
                                  .Finish());
    ASSERT_OK(tensors);
    EXPECT_EQ(tensors->at("x").type, type) << name;
    EXPECT_EQ(tensors->at("x").span(), 1) << name;
  }
}

// A module's state dict carries `_metadata`; a parameter wraps its tensor.
TEST(PickleReaderTest, ReadsParametersAndMetadata) {
  const auto tensors = Read(PickleText()
                                .BeginDict()
                                .String("x")
                                .Global("torch._utils", "_rebuild_parameter")
                                .Raw("(")
                                .Tensor("FloatStorage", "0", 4, 0, {4}, {1})
                                .Raw("\x88")
                                .Global("collections", "OrderedDict")
                                .Raw(")RtR")
                                .EndDict()
                                .Raw("}")
                                .String("_metadata")
                                .Raw("}")
                                .String("")
                                .Raw("}")
                                .String("version")
                                .Int(1)
                                .Raw("sssb")
                                .Finish());
  ASSERT_OK(tensors);
  EXPECT_EQ(tensors->at("x").shape, (std::vector<int64_t>{4}));
}

TEST(PickleReaderTest, UsesTheMemo) {
  // The name of the second tensor is the first one's, and so refused.
  EXPECT_THAT(ErrorOf(PickleText()
                          .BeginDict()
                          .String("x")
                          .Raw("q\x05")
                          .Tensor("FloatStorage", "0", 1, 0, {}, {})
                          .Raw(std::string("r\x00\x01\x00\x00", 5))
                          .Raw("h\x05")
                          .Raw(std::string("j\x00\x01\x00\x00", 5))
                          .EndDict()
                          .Finish()),
              HasSubstr("entry x stands twice"));
}

class HostilePickleTest
    : public testing::TestWithParam<std::pair<std::string, std::string>> {};

// Each of these runs something in Python's pickle.load.
TEST_P(HostilePickleTest, IsRefusedByName) {
  const auto& [pickle, reason] = GetParam();
  EXPECT_THAT(Read(pickle), HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(ErrorOf(pickle), HasSubstr(reason));
}

std::string Calling(const char* module, const char* name,
                    const std::string& argument) {
  return PickleText()
      .Global(module, name)
      .String(argument)
      .Raw("\x85R")
      .Finish();
}

INSTANTIATE_TEST_SUITE_P(
    Pickles, HostilePickleTest,
    testing::Values(
        std::pair(Calling("os", "system", "touch pwned"), "names os.system"),
        std::pair(Calling("posix", "system", "touch pwned"),
                  "names posix.system"),
        std::pair(Calling("builtins", "eval", "1"), "names builtins.eval"),
        std::pair(Calling("__builtin__", "exec", "1"),
                  "names __builtin__.exec"),
        std::pair(Calling("torch", "load", "x"), "names torch.load"),
        std::pair(Calling("torch.storage", "_load_from_bytes", "x"),
                  "names torch.storage._load_from_bytes"),
        std::pair(Calling("torch.jit", "load", "x"), "names torch.jit.load"),
        std::pair(Calling("collections", "OrderedDict.update", "x"),
                  "names collections.OrderedDict.update"),
        std::pair(Calling("collections", "OrderedDict", "x"),
                  "calls collections.OrderedDict with 1 arguments"),
        std::pair(Calling("torch", "FloatStorage", "x"),
                  "calls torch.FloatStorage with 1 arguments"),
        std::pair(Calling("torch._utils", "_rebuild_parameter", "x"),
                  "calls torch._utils._rebuild_parameter"),
        // Protocol 0, as in most examples of such pickles.
        std::pair(std::string("cos\nsystem\n(S'touch pwned'\ntR."),
                  "names os.system"),
        // INST, OBJ, NEWOBJ, EXT1, PERSID, STACK_GLOBAL, NEWOBJ_EX.
        std::pair(std::string("(S'x'\nios\nsystem\n."), "opcode 0x53"),
        std::pair(PickleText().Raw("(ios\nsystem\n").Finish(), "opcode 0x69"),
        std::pair(PickleText().Raw("(o").Finish(), "opcode 0x6f"),
        std::pair(PickleText().Raw("}}\x81").Finish(), "opcode 0x81"),
        std::pair(PickleText().Raw("\x82\x01").Finish(), "opcode 0x82"),
        std::pair(PickleText().Raw("Px\n").Finish(), "opcode 0x50"),
        std::pair(
            PickleText().String("os").String("system").Raw("\x93").Finish(),
            "opcode 0x93"),
        std::pair(PickleText().Raw("}}}\x92").Finish(), "opcode 0x92"),
        std::pair(std::string("\x80\x04.", 3), "protocol 4"),
        // REDUCE, BUILD and SETITEMS of what they are not for.
        std::pair(PickleText().Raw("))R").Finish(),
                  "calls what is no function"),
        std::pair(PickleText().Raw("}}R").Finish(),
                  "calls what is no function"),
        std::pair(PickleText()
                      .Global("collections", "OrderedDict")
                      .Raw("}b")
                      .Finish(),
                  "sets the attributes of something that is no dict"),
        std::pair(PickleText()
                      .Global("torch", "FloatStorage")
                      .String("x")
                      .Raw("}s")
                      .Finish(),
                  "sets an item of something that is no dict"),
        std::pair(PickleText().String("storage").Raw("Q").Finish(),
                  "a persistent id that names no storage")));

TEST(PickleReaderTest, BoundsDepth) {
  EXPECT_THAT(
      ErrorOf(PickleText().Raw(")").Raw(std::string(1000, '\x85')).Finish()),
      HasSubstr("nested deeper than 16"));
  PickleText dicts;
  for (int i = 0; i < 1000; ++i) dicts.Raw("}").String("x");
  EXPECT_THAT(ErrorOf(dicts.Raw("}").Raw(std::string(1000, 's')).Finish()),
              HasSubstr("nested deeper than 16"));
}

TEST(PickleReaderTest, BoundsNumbersAndSizes) {
  EXPECT_THAT(ErrorOf(PickleText().Raw(std::string(1 << 20, '(')).Finish()),
              HasSubstr("too many marks"));
  EXPECT_THAT(ErrorOf(PickleText().Raw(std::string(1 << 20, 'N')).Finish()),
              HasSubstr("more than 100000 values at once"));
  // Values that leave the stack again, by way of a dict.
  PickleText items;
  items.Raw("}");
  for (int i = 0; i < 300'000; ++i) items.String("x").Raw("Ns");
  EXPECT_THAT(ErrorOf(items.Finish()), HasSubstr("more than 500000 values"));
  EXPECT_THAT(ErrorOf(PickleText().Raw("Nr\xff\xff\xff\xff").Finish()),
              HasSubstr("memo slot 4294967295"));
  EXPECT_THAT(ErrorOf(PickleText().Raw("h\x03").Finish()),
              HasSubstr("memo slot 3 is empty"));
  EXPECT_THAT(ErrorOf(PickleText().Raw("X\xff\xff\xff\xff").Finish()),
              HasSubstr("a string of 4294967295 bytes"));
  EXPECT_THAT(ErrorOf(PickleText().Raw("\x8a\xff").Finish()),
              HasSubstr("a number of 255 bytes"));
  EXPECT_THAT(ErrorOf(PickleText().Raw("c" + std::string(5000, 'a')).Finish()),
              HasSubstr("a name of more than"));
}

// Every tensor has its storage's key: a long one would be memory times tensors.
TEST(PickleReaderTest, BoundsTheKeysOfStorages) {
  const auto pickle = [](const std::string& key) {
    return PickleText()
        .BeginDict()
        .String("x")
        .Tensor("FloatStorage", key, 1, 0, {}, {})
        .EndDict()
        .Finish();
  };
  EXPECT_OK(Read(pickle(std::string(64, '1'))));
  const std::string too_long = pickle(std::string(65, '1'));
  EXPECT_THAT(Read(too_long), HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(ErrorOf(too_long),
              HasSubstr("storage " + std::string(65, '1') +
                        ": a key of 65 bytes; 64 are allowed"));
}

// Messages go to terminals: an escape sequence must not.
TEST(PickleReaderTest, PrintsNamesWithoutControlCharacters) {
  const std::string name = "a\x1b[2J";
  EXPECT_THAT(
      ErrorOf(PickleText().BeginDict().String(name).Int(1).EndDict().Finish()),
      HasSubstr("entry a?[2J is a number"));
  PickleText twice;
  twice.BeginDict();
  for (int i = 0; i < 2; ++i) {
    twice.String(name).Tensor("FloatStorage", "0", 1, 0, {}, {});
  }
  EXPECT_THAT(ErrorOf(twice.EndDict().Finish()),
              HasSubstr("entry a?[2J stands twice"));
}

// As a dict that is an item of itself.
TEST(PickleReaderTest, SurvivesAPickleThatContainsItself) {
  EXPECT_THAT(
      ErrorOf(PickleText().Raw("}q\x01").String("x").Raw("h\x01s").Finish()),
      HasSubstr("entry x is a dict, not a tensor"));
}

TEST(PickleReaderTest, KeepsTensorsInTheirStorages) {
  const auto error = [](int64_t elements, int64_t offset,
                        const std::vector<int64_t>& shape,
                        const std::vector<int64_t>& strides) {
    return ErrorOf(
        PickleText()
            .BeginDict()
            .String("x")
            .Tensor("FloatStorage", "0", elements, offset, shape, strides)
            .EndDict()
            .Finish());
  };
  EXPECT_EQ(error(6, 0, {2, 3}, {3, 1}), "");
  EXPECT_EQ(error(0, 0, {0, 3}, {3, 1}), "");
  EXPECT_THAT(error(6, 1, {2, 3}, {3, 1}), HasSubstr("leaves its storage 0"));
  EXPECT_THAT(error(6, -1, {2, 3}, {3, 1}), HasSubstr("leaves its storage"));
  EXPECT_THAT(error(6, 0, {2, 3}, {4, 1}), HasSubstr("leaves its storage"));
  EXPECT_THAT(error(-6, 0, {1}, {1}), HasSubstr("has -6 elements"));
  EXPECT_THAT(error(6, 0, {-1}, {1}), HasSubstr("shape has -1"));
  EXPECT_THAT(error(6, 0, {2}, {-1}), HasSubstr("strides has -1"));
  EXPECT_THAT(error(6, 0, {2, 3}, {1}), HasSubstr("2 dimensions with 1"));
  const int64_t huge = int64_t{1} << 40;
  EXPECT_THAT(error(huge, 0, {huge, huge, huge}, {huge, huge, huge}),
              HasSubstr("leaves its storage"));
  EXPECT_THAT(error(huge, huge, {1}, {1}), HasSubstr("leaves its storage"));
  // An expanded tensor: a petabyte in one element.
  EXPECT_THAT(error(1, 0, {huge, 1024}, {0, 0}),
              HasSubstr("more elements than its storage"));
}

TEST(PickleReaderTest, RefusesWhatIsNoStateDict) {
  EXPECT_THAT(ErrorOf(PickleText().Int(1).Finish()),
              HasSubstr("holds a number, not a state dict"));
  EXPECT_THAT(ErrorOf(PickleText()
                          .BeginDict()
                          .String("state_dict")
                          .Raw("}")
                          .EndDict()
                          .Finish()),
              HasSubstr("entry state_dict is a dict, not a tensor"));
  EXPECT_THAT(
      ErrorOf(PickleText().BeginDict().Int(1).Int(1).EndDict().Finish()),
      HasSubstr("a key of a dict that is no string"));
  EXPECT_THAT(ErrorOf(GoodPickle() + "x"), HasSubstr("1 bytes follow its end"));
}

TEST(PickleReaderTest, RefusesEveryTruncation) {
  const std::string good = GoodPickle();
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(Read(good.substr(0, length)).ok()) << length;
  }
}

// Whatever a damaged pickle says, it is an error or stays inside its storages.
TEST(PickleReaderTest, SurvivesMutations) {
  const std::string good = GoodPickle();
  std::mt19937 random(1);
  int read = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string pickle = good;
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes; ++i) {
      const size_t at = random() % pickle.size();
      switch (random() % 3) {
        case 0:
          pickle[at] = static_cast<char>(random());
          break;
        case 1:
          pickle.erase(at, 1 + random() % 8);
          break;
        default:
          pickle.insert(at, pickle.substr(random() % pickle.size(), 12));
      }
      if (pickle.empty()) pickle = ".";
    }
    const auto tensors = Read(pickle);
    if (!tensors.ok()) continue;
    ++read;
    for (const auto& [name, tensor] : *tensors) {
      ASSERT_GE(tensor.offset, 0);
      ASSERT_LE(tensor.offset + tensor.span(), tensor.storage_elements);
    }
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 25'000);
}

}  // namespace
}  // namespace cascade
