#include "models/evaluation/feature_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "models/evaluation/moments_cache.h"
#include "models/evaluation/script_network.h"

namespace cascade {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;
using testing::SizeIs;

// Image i is all of level 10 i.
ImageSet Flat(int count, int size, int channels) {
  ImageSet images;
  images.size = size;
  images.channels = channels;
  for (int i = 0; i < count; ++i) {
    images.labels.push_back(0);
    images.pixels.insert(images.pixels.end(),
                         static_cast<size_t>(size * size * channels),
                         static_cast<uint8_t>(10 * i));
  }
  return images;
}

std::string WriteScript(const std::string& name, const std::string& source) {
  torch::jit::Module module("Network");
  module.define(source);
  const std::string path = testing::TempDir() + "/" + name + ".pt";
  module.save(path);
  return path;
}

absl::StatusOr<FeatureSet> RunScript(const std::string& path,
                                     const ScriptNetworkOptions& options,
                                     const ImageSet& images) {
  auto network = LoadScriptNetwork(path, options);
  if (!network.ok()) return network.status();
  return FeaturesOf(**network, images);
}

std::string ErrorOf(const absl::StatusOr<FeatureSet>& result) {
  return std::string(result.status().message());
}

TEST(ScriptNetworkTest, GetsBytesOfItsSizeAndGivesPooledFeatures) {
  const std::string path = WriteScript("pooled", R"(
def forward(self, x):
    assert x.size(1) == 3 and x.size(2) == 6
    return x.float().mean([2, 3], True)
)");
  const auto set =
      RunScript(path, {.size = 6, .range = ScriptNetworkOptions::Range::kByte},
                Flat(3, 4, 1));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->count, 3);
  EXPECT_EQ(set->dimensions, 3);
  EXPECT_EQ(set->classes, 0);
  EXPECT_THAT(set->features, ElementsAre(0, 0, 0, 10, 10, 10, 20, 20, 20));
}

TEST(ScriptNetworkTest, TurnsTheLogitsOfATupleIntoProbabilities) {
  const std::string path = WriteScript("tuple", R"(
def forward(self, x):
    f = x.mean([2, 3])
    return f, f * torch.tensor([0.0, 1.0, 2.0])
)");
  const auto set = RunScript(
      path, {.size = 0, .range = ScriptNetworkOptions::Range::kSigned},
      Flat(2, 4, 3));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->classes, 3);
  EXPECT_THAT(set->features[0], FloatNear(-1, 1e-6f));
  EXPECT_THAT(set->features[3], FloatNear(10 / 127.5f - 1, 1e-6f));
  // softmax(0, -1, -2).
  EXPECT_THAT(std::vector<float>(set->probabilities.begin(),
                                 set->probabilities.begin() + 3),
              Pointwise(FloatNear(1e-5f),
                        std::vector<float>{0.665241f, 0.244728f, 0.0900306f}));
}

// Like StyleGAN's export of Inception.
TEST(ScriptNetworkTest, AsksForFeaturesByName) {
  const std::string path = WriteScript("asked", R"(
def forward(self, x, return_features: bool = False):
    if return_features:
        return x.float().mean([2, 3])
    return x.float().mean([2, 3]).softmax(1)
)");
  const auto set = RunScript(path, {.size = 0}, Flat(2, 4, 3));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->features, ElementsAre(0, 0, 0, 10, 10, 10));
  EXPECT_THAT(set->probabilities, SizeIs(6));
  EXPECT_THAT(set->probabilities[4], FloatNear(1.0f / 3, 1e-6f));
}

TEST(ScriptNetworkTest, RefusesFilesThatAreNoNetwork) {
  const std::string path = testing::TempDir() + "/garbage.pt";
  std::ofstream(path) << "PK\x03\x04 not a zip file";
  EXPECT_THAT(std::string(LoadScriptNetwork(path, {}).status().message()),
              HasSubstr("garbage.pt is not a TorchScript network"));
  std::ofstream(path, std::ios::trunc) << "";
  EXPECT_TRUE(absl::IsInvalidArgument(LoadScriptNetwork(path, {}).status()));
  EXPECT_TRUE(absl::IsNotFound(
      LoadScriptNetwork(testing::TempDir() + "/none.pt", {}).status()));
  const std::string no_forward =
      WriteScript("no_forward", "def other(self, x):\n    return x\n");
  EXPECT_THAT(std::string(LoadScriptNetwork(no_forward, {}).status().message()),
              HasSubstr("it has no forward()"));
}

TEST(ScriptNetworkTest, NamesFileAndProblemOfWrongOutputs) {
  const ScriptNetworkOptions any = {.size = 0};
  EXPECT_THAT(ErrorOf(RunScript(WriteScript("raises", R"(
def forward(self, x):
    assert x.size(2) == 299, "too small"
    return x
)"),
                                any, Flat(1, 4, 3))),
              HasSubstr("raises.pt: "));
  EXPECT_THAT(ErrorOf(RunScript(WriteScript("image", R"(
def forward(self, x):
    return x.float()
)"),
                                any, Flat(1, 4, 3))),
              HasSubstr("features of shape [1, 3, 4, 4] and type Float"));
  EXPECT_THAT(ErrorOf(RunScript(WriteScript("text", R"(
def forward(self, x):
    return "features"
)"),
                                any, Flat(1, 4, 3))),
              HasSubstr("forward() returned String for features"));
  EXPECT_THAT(ErrorOf(RunScript(WriteScript("triple", R"(
def forward(self, x):
    return x, x, x
)"),
                                any, Flat(1, 4, 3))),
              HasSubstr("a tuple of 3"));
}

TEST(FeaturesOfTest, RefusesColoursForAGreyNetwork) {
  const std::string path = WriteScript("grey", R"(
def forward(self, x):
    return x.float().mean([2, 3])
)");
  EXPECT_THAT(
      ErrorOf(RunScript(path, {.size = 4, .channels = 1}, Flat(1, 4, 3))),
      HasSubstr("the images have 3 channels"));
}

// More images than go through the network at once.
TEST(FeaturesOfTest, KeepsTheOrderOverPieces) {
  const std::string path = WriteScript("order", R"(
def forward(self, x):
    return x.float().mean([2, 3])
)");
  ImageSet images = Flat(1, 2, 1);
  images.pixels.clear();
  images.labels.assign(600, 0);
  for (int i = 0; i < 600; ++i) {
    images.pixels.insert(images.pixels.end(), 4, static_cast<uint8_t>(i % 251));
  }
  std::vector<int64_t> progress;
  const auto network = LoadScriptNetwork(path, {.size = 0, .channels = 1});
  ASSERT_TRUE(network.ok()) << network.status();
  const auto set = FeaturesOf(**network, images,
                              [&](int64_t done) { progress.push_back(done); });
  ASSERT_TRUE(set.ok()) << set.status();
  for (size_t i = 0; i < 600; ++i) {
    ASSERT_EQ(set->features[i], static_cast<float>(i % 251));
  }
  EXPECT_THAT(progress, ElementsAre(256, 512, 600));
}

TEST(MomentsCacheTest, GivesBackWhatItWasGivenForTheSameKeyOnly) {
  const MomentsCache cache(testing::TempDir() + "/moments_cache");
  const MomentsCache::Key key = {
      .features = "network", .images = "digits", .count = 3};
  Moments moments(2);
  ASSERT_TRUE(moments.Add(std::vector<float>{1, 10, 3, 20, 5, 60}).ok());
  ASSERT_TRUE(cache.Keep(key, moments).ok());
  const auto found = cache.Find(key);
  ASSERT_TRUE(found.ok() && found->has_value()) << found.status();
  EXPECT_EQ((*found)->count(), 3);
  EXPECT_EQ((*found)->mean(), moments.mean());
  EXPECT_EQ((*found)->scatter(), moments.scatter());
  for (MomentsCache::Key other : {MomentsCache::Key{"other", "digits", 3},
                                  MomentsCache::Key{"network", "other", 3},
                                  MomentsCache::Key{"network", "digits", 4}}) {
    const auto none = cache.Find(other);
    ASSERT_TRUE(none.ok()) << none.status();
    EXPECT_FALSE(none->has_value());
  }
  const auto off = MomentsCache("").Find(key);
  EXPECT_TRUE(off.ok() && !off->has_value());
}

}  // namespace
}  // namespace cascade
