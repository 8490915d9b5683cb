#include "models/evaluation/sample_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/evaluation/real_inputs.h"
#include "models/evaluation/sample_set.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;

std::string NewFolder(const std::string& name) {
  const std::string folder = testing::TempDir() + "/" + name;
  fs::remove_all(folder);
  return folder;
}

StageImages TwoImages() {
  return {.resolution = 1,
          .channels = 3,
          .seeds = {7, 0xffffffffffffffffu},
          .labels = {2, 0},
          .values = {0, 0.5f, -1, 1, 1, 1},
          .pixels = {1, 2, 3, 4, 5, 6}};
}

TEST(SampleStoreTest, GivesBackExactlyWhatItWasGiven) {
  const SampleStore store(NewFolder("store"));
  const SampleStore::Set set = {.name = "8x8", .made_by = "a network"};
  const auto before = store.Read(set, 3);
  ASSERT_TRUE(before.ok() && !before->has_value()) << before.status();
  ASSERT_TRUE(store.Write(set, 3, TwoImages()).ok());
  const auto after = store.Read(set, 3);
  ASSERT_TRUE(after.ok() && after->has_value()) << after.status();
  const StageImages& images = **after;
  const StageImages wanted = TwoImages();
  EXPECT_EQ(images.resolution, 1);
  EXPECT_EQ(images.channels, 3);
  EXPECT_EQ(images.seeds, wanted.seeds);
  EXPECT_EQ(images.labels, wanted.labels);
  EXPECT_EQ(images.values, wanted.values);
  EXPECT_EQ(images.pixels, wanted.pixels);
  const auto other = store.Read({.name = "8x8", .made_by = "another"}, 3);
  EXPECT_TRUE(other.ok() && !other->has_value());
}

TEST(SampleStoreTest, NamesADamagedFile) {
  const SampleStore store(NewFolder("damaged"));
  const SampleStore::Set set = {.name = "8x8", .made_by = "a network"};
  ASSERT_TRUE(store.Write(set, 0, TwoImages()).ok());
  const std::string path = store.FolderOf(set) + "/chunk-000000.safetensors";
  fs::resize_file(path, fs::file_size(path) - 1);
  const auto read = store.Read(set, 0);
  EXPECT_TRUE(absl::IsDataLoss(read.status())) << read.status();
  EXPECT_THAT(std::string(read.status().message()), HasSubstr(path));
}

// A tiny cascade and a request for images of both of its stages.
class DrawSampleSetTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string folder =
        WritePackage("stored", {TinyBase(), TinySuperResolution()});
    LoadOptions options;
    options.max_batch_rows = 8;
    model_ = *LoadCascade(folder, options);
    manifest_ = *ReadManifest(folder);
    request_.sampling = CascadeSampler::Defaults(model_->spec());
    for (StageSampling& stage : request_.sampling) {
      stage.sampler.num_steps = 2;
    }
    request_.count = 70;  // Two chunks.
    request_.first_seed = 5;
    request_.threads = 2;
    request_.manifest = &manifest_;
  }

  SampleSet Draw() {
    auto set = DrawSampleSet(*model_, request_);
    EXPECT_TRUE(set.ok()) << set.status();
    return *std::move(set);
  }

  std::unique_ptr<CascadeModel> model_;
  CascadeManifest manifest_;
  SampleRequest request_;
};

int FilesIn(const std::string& folder) {
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) ++files;
  }
  return files;
}

TEST_F(DrawSampleSetTest, GoesOnFromWhatIsStoredAndGetsTheSameImages) {
  const SampleSet direct = Draw();
  const SampleStore store(NewFolder("resumed"));
  request_.store = &store;
  // A smaller run was stopped, and lost a chunk of the upper stage.
  request_.count = 10;
  Draw();
  const std::string upper = store.FolderOf(StoredSetOf(request_, 1));
  fs::remove(upper + "/chunk-000000.safetensors");
  request_.count = 70;
  const SampleSet resumed = Draw();
  EXPECT_EQ(FilesIn(store.FolderOf(StoredSetOf(request_, 0))), 2);
  EXPECT_EQ(FilesIn(upper), 2);
  for (size_t stage = 0; stage < 2; ++stage) {
    EXPECT_EQ(resumed.stages[stage].labels, direct.stages[stage].labels);
    EXPECT_EQ(resumed.stages[stage].pixels, direct.stages[stage].pixels);
  }
  // Fewer than there are.
  request_.count = 66;
  EXPECT_EQ(Draw().stages[1].count(), 66);
}

// With truncated augmentation the lower stage stops early, and what it hands
// over is noise.
TEST_F(DrawSampleSetTest, StoresWhatATruncatedStageHandsOver) {
  StageManifest base = TinyBase();
  StageManifest upper = TinySuperResolution();
  upper.spec.augmentation.schedule = base.spec.diffusion.schedule;
  upper.spec.augmentation.num_timesteps = base.spec.diffusion.num_timesteps;
  const std::string folder = WritePackage("truncated", {base, upper});
  model_ = *LoadCascade(folder, {});
  manifest_ = *ReadManifest(folder);
  request_.count = 3;
  const SampleStore store(NewFolder("truncated-store"));
  request_.store = &store;
  request_.sampling[1].augmentation_level = 0.3;
  Draw();
  const std::string whole_base = store.FolderOf(StoredSetOf(request_, 0));

  request_.sampling[1].augmentation_mode = AugmentationMode::kTruncated;
  request_.store = nullptr;
  const SampleSet direct = Draw();
  request_.store = &store;
  Draw();
  EXPECT_NE(store.FolderOf(StoredSetOf(request_, 0)), whole_base);
  fs::remove_all(store.FolderOf(StoredSetOf(request_, 1)));
  const SampleSet resumed = Draw();
  EXPECT_EQ(resumed.stages[0].pixels, direct.stages[0].pixels);
  EXPECT_EQ(resumed.stages[1].pixels, direct.stages[1].pixels);
}

// What is in the store is believed: so it is read, not made again.
TEST_F(DrawSampleSetTest, ReusesTheBaseUnderAnotherUpperStage) {
  const SampleStore store(NewFolder("reused"));
  request_.store = &store;
  request_.count = 3;
  Draw();
  const SampleStore::Set base = StoredSetOf(request_, 0);
  StageImages marked = **store.Read(base, 0);
  marked.pixels.assign(marked.pixels.size(), 77);
  ASSERT_TRUE(store.Write(base, 0, marked).ok());
  const std::string first_upper = store.FolderOf(StoredSetOf(request_, 1));

  request_.sampling[1].augmentation_level = 0.3;
  const SampleSet set = Draw();
  EXPECT_EQ(set.stages[0].pixels, marked.pixels);
  EXPECT_NE(store.FolderOf(StoredSetOf(request_, 1)), first_upper);
  EXPECT_EQ(FilesIn(store.FolderOf(StoredSetOf(request_, 1))), 1);

  request_.sampling[0].sampler.num_steps = 3;
  EXPECT_NE(StoredSetOf(request_, 0).made_by, base.made_by);
}

ImageSet RealImages() {
  ImageSet images;
  images.size = 16;
  images.channels = 1;
  images.class_names = {"0", "1", "2"};
  for (int i = 0; i < 3; ++i) {
    images.labels.push_back(i);
    for (int p = 0; p < 256; ++p) {
      images.pixels.push_back(static_cast<uint8_t>(50 * i + p % 2 * 2));
    }
  }
  return images;
}

TEST(RealInputsTest, AreTheMeansOfBlocksInADrawnOrder) {
  const auto inputs = RealInputs::Create(RealImages(), 8, 1);
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  std::vector<int> seen;
  for (int64_t i = 0; i < 3; ++i) {
    const int label = inputs->LabelOf(i);
    seen.push_back(label);
    EXPECT_EQ(inputs->LabelOf(i + 3), label);
    const std::vector<float> values = *inputs->InputOf(i)->ToHost();
    ASSERT_EQ(values.size(), 64u);
    for (float value : values) {
      EXPECT_FLOAT_EQ(value, (50 * static_cast<float>(label) + 1) / 127.5f - 1);
    }
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
  EXPECT_FALSE(RealInputs::Create(RealImages(), 5, 1).ok());
}

TEST_F(DrawSampleSetTest, HowNumbersAreMadeIsOfTheKey) {
  const SampleStore::Set exact = StoredSetOf(request_, 0);
  request_.reproducibility = Reproducibility::kFast;
  const SampleStore::Set fast = StoredSetOf(request_, 0);
  EXPECT_NE(fast.made_by, exact.made_by);
  request_.device = "cuda:0";
  EXPECT_NE(StoredSetOf(request_, 0).made_by, fast.made_by);
}

TEST_F(DrawSampleSetTest, ADeviceThatIsNotThereIsNamed) {
  request_.device = "cuda:99";
  EXPECT_THAT(std::string(DrawSampleSet(*model_, request_).status().message()),
              testing::HasSubstr("cuda:99"));
}

TEST_F(DrawSampleSetTest, StartsAboveRealImages) {
  const auto inputs = RealInputs::Create(RealImages(), 8, 1);
  request_.count = 4;
  request_.first_stage = 1;
  request_.real_inputs = &*inputs;
  const SampleSet set = Draw();
  ASSERT_EQ(set.stages.size(), 1u);
  EXPECT_EQ(set.stages[0].size, 16);
  const auto sampler = CascadeSampler::Create(*model_, request_.sampling);
  ASSERT_TRUE(sampler.ok()) << sampler.status();
  const std::vector<StageTask> tasks = {{.image_seed = 8,
                                         .class_id = inputs->LabelOf(3),
                                         .input = inputs->InputOf(3)}};
  const auto alone = (*sampler)->SampleStage(1, tasks);
  ASSERT_TRUE(alone.ok()) << alone.status();
  const std::vector<uint8_t>& pixels = set.stages[0].pixels;
  EXPECT_EQ(alone->front().pixels.pixels,
            std::vector<uint8_t>(pixels.end() - 256, pixels.end()));
  EXPECT_EQ(set.stages[0].labels[3], inputs->LabelOf(3));

  request_.real_inputs = nullptr;
  EXPECT_THAT(std::string(DrawSampleSet(*model_, request_).status().message()),
              HasSubstr("real images are the input of a stage above the base"));
}

}  // namespace
}  // namespace cascade
