#include "models/import/import_stage.h"

#include <caffe2/serialize/inline_container.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/import/attention_layout.h"
#include "models/import/class_names.h"
#include "models/import/known_checkpoints.h"
#include "models/sha256.h"
#include "models/weights/parameter_shapes.h"
#include "tests/support/pickle_text.h"
#include "tests/support/status_matchers.h"

namespace cascade {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

std::string TestFolder() {
  const std::string folder =
      testing::TempDir() + "/" +
      testing::UnitTest::GetInstance()->current_test_info()->name();
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

// A network of two levels, in the new attention order.
KnownCheckpoint Tiny() {
  KnownCheckpoint known;
  known.name = "tiny";
  known.attention = AttentionLayout::kNew;
  known.stage.spec.name = "8x8";
  known.stage.spec.resolution = 8;
  known.stage.spec.channels = 3;
  UNetConfig& network = known.stage.network;
  network.model_channels = 8;
  network.norm_groups = 4;
  network.num_heads = 2;
  network.num_res_blocks = 1;
  network.attention_order = AttentionOrder::kNew;
  return known;
}

// Writes a file of torch.save with all tensors as views of one storage, as the
// averages of a half-precision training are. `leave_out` is not in it.
void WriteTiny(const std::string& path, const std::string& leave_out = "") {
  const auto shapes = ParameterShapes(Tiny().stage.network).value();
  const auto count = [](const std::vector<int64_t>& shape) {
    int64_t elements = 1;
    for (int64_t size : shape) elements *= size;
    return elements;
  };
  int64_t total = 0;
  for (const auto& [name, shape] : shapes) total += count(shape);
  PickleText pickle;
  pickle.BeginDict();
  int64_t offset = 0;
  for (const auto& [name, shape] : shapes) {
    if (name != leave_out) {
      pickle.String(name).Tensor("FloatStorage", "0", total, offset, shape,
                                 RowMajorStrides(shape));
    }
    offset += count(shape);
  }
  const std::string text = pickle.EndDict().Finish();
  std::vector<float> values(static_cast<size_t>(total));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  caffe2::serialize::PyTorchStreamWriter writer(path);
  writer.writeRecord("data.pkl", text.data(), text.size());
  writer.writeRecord("data/0", values.data(), values.size() * sizeof(float));
  writer.writeEndOfFile();
}

TEST(ImportStageTest, WritesAStageThatCanBeRead) {
  const std::string folder = TestFolder();
  const std::string path = folder + "/tiny.pt";
  WriteTiny(path);
  const auto stage = ImportStage(path, Tiny(), folder);
  ASSERT_OK(stage);
  EXPECT_EQ(stage->weights_file, "8x8.safetensors");
  EXPECT_EQ(stage->network.attention_order, AttentionOrder::kLegacy);
  EXPECT_EQ(stage->source->checkpoint, "tiny");
  EXPECT_EQ(stage->source->file, "tiny.pt");
  EXPECT_EQ(stage->source->attention_layout, "new");
  EXPECT_EQ(stage->source->sha256, Sha256Hex(ReadWholeFile(path).value()));
  const auto weights = ReadStageWeights(folder, *stage);
  ASSERT_OK(weights);
  EXPECT_EQ(weights->tensors().size(),
            ParameterShapes(Tiny().stage.network)->size());

  CascadeManifest manifest;
  manifest.name = "tiny";
  manifest.stages = {*stage};
  ASSERT_OK(WriteManifest(folder, manifest));
  const auto read = ReadManifest(folder);
  ASSERT_OK(read);
  EXPECT_EQ(read->stages[0].source->sha256, stage->source->sha256);
  EXPECT_EQ(read->stages[0].source->attention_layout, "new");
}

TEST(ImportStageTest, NamesFileAndTensor) {
  const std::string folder = TestFolder();
  const std::string path = folder + "/tiny.pt";
  WriteTiny(path, "out.0.bias");
  const absl::Status status = ImportStage(path, Tiny(), folder).status();
  EXPECT_THAT(status, HasCode(StatusCode::kInvalidArgument));
  EXPECT_EQ(status.message(), path + ": tensor out.0.bias is missing");
  EXPECT_FALSE(std::filesystem::exists(folder + "/8x8.safetensors"));
}

TEST(ImportStageTest, PrintsNamesWithoutControlCharacters) {
  const auto shapes = ParameterShapes(Tiny().stage.network);
  ASSERT_OK(shapes);
  std::map<std::string, TensorInfo> tensors;
  for (const auto& [name, shape] : *shapes) tensors[name].shape = shape;
  ASSERT_OK(CheckCheckpoint(tensors, Tiny()));
  tensors["a\x1b[2J"] = {};
  EXPECT_EQ(CheckCheckpoint(tensors, Tiny()).message(),
            "tensor a?[2J is unknown to tiny");
}

// Beside the names, which are guided-diffusion's: three output channels, and
// weights of attention layers with a fourth dimension.
TEST(KnownCheckpointsTest, KnowConsistencyModels) {
  const KnownCheckpoint* const adm = FindKnownCheckpoint("64x64_diffusion");
  std::map<std::string, TensorInfo> tensors;
  const auto shapes = ParameterShapes(adm->stage.network);
  ASSERT_OK(shapes);
  for (const auto& [name, shape] : *shapes) {
    tensors[name].shape =
        ShapeInLayout(name, shape, AttentionLayout::kNewConv2d);
  }
  const KnownCheckpoint* const cd = FindKnownCheckpoint("cd_imagenet64_lpips");
  ASSERT_NE(cd, nullptr);
  EXPECT_THAT(
      CheckCheckpoint(tensors, *cd).message(),
      HasSubstr("out.2.bias has shape [6], cd_imagenet64_lpips has [3]"));
  tensors.at("out.2.bias").shape = {3};
  tensors.at("out.2.weight").shape[0] = 3;
  for (const char* name : {"edm_imagenet64_ema", "cd_imagenet64_l2",
                           "cd_imagenet64_lpips", "ct_imagenet64"}) {
    EXPECT_OK(CheckCheckpoint(tensors, *FindKnownCheckpoint(name)));
  }
  EXPECT_EQ(tensors.at("middle_block.1.qkv.weight").shape,
            (std::vector<int64_t>{2304, 768, 1, 1}));
  // The published two-step sampling.
  EXPECT_THAT(cd->stage.spec.default_sampler.grid_points, ElementsAre(0, 22));
  EXPECT_EQ(cd->stage.spec.diffusion.num_timesteps, 40);
}

// Two heads of two rows each: the numbers are the rows.
TEST(AttentionLayoutTest, MovesRows) {
  const std::vector<uint8_t> legacy = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const std::vector<std::byte> moved =
      PermuteQkvRows(std::as_bytes(std::span(legacy)), 4, 2,
                     AttentionOrder::kLegacy, AttentionOrder::kNew);
  std::vector<int> rows;
  for (std::byte row : moved) rows.push_back(std::to_integer<int>(row));
  EXPECT_THAT(rows, ElementsAre(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11));
  const std::vector<std::byte> back = PermuteQkvRows(
      moved, 4, 2, AttentionOrder::kNew, AttentionOrder::kLegacy);
  EXPECT_TRUE(std::equal(back.begin(), back.end(),
                         std::as_bytes(std::span(legacy)).begin()));
}

TEST(KnownCheckpointsTest, AreSoundStages) {
  std::set<std::string> names;
  for (const KnownCheckpoint& known : KnownCheckpoints()) {
    EXPECT_TRUE(names.insert(known.name).second) << known.name;
    EXPECT_OK(known.stage.network.Validate());
    EXPECT_EQ(known.stage.network.attention_order, OrderOf(known.attention));
    // What a package holds says all that the table says.
    const auto read = ParseStage(StageText(known.stage), known.name);
    ASSERT_OK(read);
    EXPECT_EQ(read->network.out_channels, known.stage.network.out_channels);
    EXPECT_EQ(read->network.super_resolution,
              known.stage.network.super_resolution);
    EXPECT_EQ(read->spec.num_classes, known.stage.spec.num_classes);
    EXPECT_EQ(StageText(*read), StageText(known.stage));
    EXPECT_EQ(read->spec.handover, read->spec.low_resolution > 0
                                       ? Handover::kUint8Truncated
                                       : Handover::kFloat);
  }
  EXPECT_EQ(FindKnownCheckpoint("64x64_classifier"), nullptr);
}

TEST(ClassNamesTest, ImageNetHasAThousand) {
  const std::vector<std::string>& names = ImageNetClassNames();
  ASSERT_EQ(names.size(), 1000u);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 1000u);
  EXPECT_EQ(names[0], "tench");
  EXPECT_EQ(names[207], "golden retriever");
  EXPECT_EQ(names[388], "giant panda");
  EXPECT_EQ(names[999], "toilet tissue");
}

TEST(ClassNamesTest, ReadsOneALine) {
  EXPECT_THAT(ParseClassNames("# two\nred\r\n\nn1\tdark blue\n"),
              ElementsAre("red", "dark blue"));
}

}  // namespace
}  // namespace cascade
