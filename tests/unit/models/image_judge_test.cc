#include "models/evaluation/image_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "models/evaluation/classification_score.h"

namespace cascade {
namespace {

using testing::AllOf;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

// The feature is the level of the first pixel; class 0 for dark images, 1 for
// bright ones. Counts the images it has seen.
class LevelNetwork final : public FeatureNetwork {
 public:
  const std::string& id() const override { return id_; }
  int size() const override { return 0; }
  int channels() const override { return 1; }
  absl::StatusOr<FeatureSet> Run(const ImageSet& images) const override {
    FeatureSet set;
    set.count = images.count();
    set.dimensions = 1;
    set.classes = 2;
    const auto bytes = static_cast<size_t>(images.size * images.size);
    for (size_t i = 0; i < images.labels.size(); ++i) {
      const auto level = static_cast<float>(images.pixels[i * bytes]);
      set.features.push_back(level);
      set.probabilities.push_back(level < 128 ? 1 : 0);
      set.probabilities.push_back(level < 128 ? 0 : 1);
    }
    seen += set.count;
    return set;
  }

  mutable int64_t seen = 0;

 private:
  const std::string id_ = "level";
};

ImageSet Levels(const std::vector<uint8_t>& levels, int size = 2) {
  ImageSet images;
  images.size = size;
  images.channels = 1;
  images.class_names = {"dark", "bright"};
  for (uint8_t level : levels) {
    images.labels.push_back(level < 100 ? 0 : 1);
    images.pixels.insert(images.pixels.end(), static_cast<size_t>(size * size),
                         level);
  }
  return images;
}

auto IsFigure(const std::string& name, double value) {
  return AllOf(Field(&Figure::name, name),
               Field(&Figure::value, DoubleNear(value, 1e-9)));
}

// Levels 10 and 30: mean 20, variance 200. 50 and 70: mean 60, the same.
TEST(ImageJudgeTest, NamesFiguresAfterTheReference) {
  const LevelNetwork network;
  ImageJudge judge(network, {.metrics = {ImageMetric::kFrechet}});
  judge.AddReference("train", Levels({50, 70}));
  judge.AddReference("test", Levels({10, 30}));
  const auto verdict = judge.Judge(Levels({10, 30}));
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_THAT(verdict->figures, ElementsAre(IsFigure("fid_train", 1600),
                                            IsFigure("fid_test", 0)));
}

// What is told before anything was looked at.
TEST(ImageJudgeTest, FiguresHaveTheNamesThatWereTold) {
  const std::set<ImageMetric> metrics = {
      ImageMetric::kFrechet, ImageMetric::kKernel,
      ImageMetric::kPrecisionRecall, ImageMetric::kInceptionScore,
      ImageMetric::kClass};
  const LevelNetwork network;
  ImageJudge judge(network,
                   {.metrics = metrics, .kernel = {.subsets = 2}, .splits = 1});
  const ImageSet images = Levels({10, 20, 30, 50, 120, 200});
  judge.AddReference("train", images);
  judge.AddReference("test", images);
  const auto verdict = judge.Judge(images);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  std::vector<std::string> names;
  for (const Figure& figure : verdict->figures) names.push_back(figure.name);
  EXPECT_EQ(names, ImageJudge::FigureNames(metrics, {"train", "test"}));
}

// 110 is asked to be bright and looks dark.
TEST(ImageJudgeTest, CountsTheClassesThatAreFound) {
  const LevelNetwork network;
  ImageJudge judge(
      network, {.metrics = {ImageMetric::kClass, ImageMetric::kInceptionScore},
                .splits = 1});
  const auto verdict = judge.Judge(Levels({10, 20, 110, 200}));
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  ASSERT_EQ(verdict->figures.size(), 4u);
  EXPECT_THAT(verdict->figures[2], IsFigure("class_found", 0.75));
  EXPECT_THAT(verdict->class_found, ElementsAre(1, 0.5));
}

TEST(ImageJudgeTest, LooksAtAReferenceOnceAndNotAtAllWhenItsMomentsAreKept) {
  const std::string cache = testing::TempDir() + "/judge_cache";
  std::filesystem::remove_all(cache);
  const LevelNetwork network;
  const ImageJudge::Options options = {.metrics = {ImageMetric::kFrechet},
                                       .cache = cache};
  ImageJudge judge(network, options);
  judge.AddReference("train", Levels({50, 70, 90}));
  ASSERT_TRUE(judge.Judge(Levels({1, 2})).ok());
  const auto first = judge.Judge(Levels({1, 2}));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(network.seen, 3 + 2 + 2);
  ImageJudge next(network, options);
  next.AddReference("train", Levels({50, 70, 90}));
  const auto second = next.Judge(Levels({1, 2}));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(network.seen, 9);
  EXPECT_EQ(second->figures[0].value, first->figures[0].value);
}

TEST(ImageJudgeTest, SaysWhatIsMissing) {
  const LevelNetwork network;
  ImageJudge alone(network, {.metrics = {ImageMetric::kKernel}});
  EXPECT_THAT(std::string(alone.Judge(Levels({1, 2})).status().message()),
              HasSubstr("need real images"));
  ImageJudge judge(network, {.metrics = {ImageMetric::kPrecisionRecall}});
  judge.AddReference("train", Levels({1, 2, 3, 4}, 4));
  EXPECT_THAT(std::string(judge.Judge(Levels({1, 2})).status().message()),
              HasSubstr("the samples are 2x2x1, the real images of train "
                        "4x4x1"));
  ImageJudge classes(network, {.metrics = {ImageMetric::kClass}});
  ImageSet three = Levels({1, 2});
  three.class_names.push_back("third");
  EXPECT_THAT(std::string(classes.Judge(three).status().message()),
              HasSubstr("3 classes, the feature network knows 2"));
}

TEST(ClassificationScoreTest, RefusesOtherClasses) {
  const ImageSet samples = Levels({10, 200}, 8);
  ImageSet real = samples;
  real.class_names = {"dark", "light"};
  EXPECT_THAT(
      std::string(
          ClassificationAccuracyScore(samples, real, {}).status().message()),
      HasSubstr("class 1 is \"bright\" in the samples, \"light\" in the real "
                "images"));
}

// Samples that teach the two classes the wrong way round teach nothing else.
TEST(ClassificationScoreTest, IsWhatSamplesTeach) {
  std::vector<uint8_t> levels;
  for (int i = 0; i < 64; ++i) {
    levels.push_back(static_cast<uint8_t>(i % 2 == 0 ? i / 2 : 255 - i / 2));
  }
  ImageSet samples = Levels(levels, 8);
  const ImageSet real = Levels({5, 15, 225, 250}, 8);
  const Classifier::Options options = {
      .epochs = 30, .batch_size = 16, .width = 8};
  const auto right = ClassificationAccuracyScore(samples, real, options);
  ASSERT_TRUE(right.ok()) << right.status();
  EXPECT_EQ(right->top1, 1);
  for (int& label : samples.labels) label = 1 - label;
  const auto wrong = ClassificationAccuracyScore(samples, real, options);
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  EXPECT_EQ(wrong->top1, 0);
  EXPECT_EQ(wrong->top5, 1);
}

}  // namespace
}  // namespace cascade
