#include "models/evaluation/nearest_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "models/evaluation/memorisation.h"

namespace cascade {
namespace {

using testing::HasSubstr;

// Images of one grey each, of `size`, all of class 0 unless labels are given.
ImageSet Greys(int size, const std::vector<uint8_t>& greys,
               std::vector<int> labels = {}, int classes = 1) {
  ImageSet images;
  images.size = size;
  images.channels = 1;
  images.class_names.resize(static_cast<size_t>(classes));
  images.labels = std::move(labels);
  images.labels.resize(greys.size());
  for (uint8_t grey : greys) {
    images.pixels.insert(images.pixels.end(), static_cast<size_t>(size * size),
                         grey);
  }
  return images;
}

std::vector<NearestImage> AtDistances(const std::vector<double>& distances) {
  std::vector<NearestImage> images;
  for (double distance : distances) {
    images.push_back({.index = 0, .distance = distance});
  }
  return images;
}

TEST(ImageDistanceTest, IsTheRootMeanSquare) {
  const std::vector<uint8_t> a = {0, 10, 20, 30};
  const std::vector<uint8_t> b = {3, 10, 16, 30};
  EXPECT_DOUBLE_EQ(ImageDistance(a, b), std::sqrt((9.0 + 16.0) / 4));
  EXPECT_EQ(ImageDistance(a, a), 0);
}

TEST(ImageDistanceTest, HoldsTheLargestDifferenceOfManyPixels) {
  const std::vector<uint8_t> black(3 << 20, 0);
  const std::vector<uint8_t> white(3 << 20, 255);
  EXPECT_DOUBLE_EQ(ImageDistance(black, white), 255);
}

TEST(FindNearestImagesTest, FindsTheFirstOfTheNearest) {
  // 40x40: more pixels than are summed at once.
  const auto nearest = FindNearestImages(Greys(40, {100, 7, 255}),
                                         Greys(40, {0, 96, 104, 250, 250}));
  ASSERT_TRUE(nearest.ok()) << nearest.status();
  ASSERT_EQ(nearest->size(), 3u);
  EXPECT_EQ((*nearest)[0].index, 1);
  EXPECT_DOUBLE_EQ((*nearest)[0].distance, 4);
  EXPECT_EQ((*nearest)[1].index, 0);
  EXPECT_DOUBLE_EQ((*nearest)[1].distance, 7);
  EXPECT_EQ((*nearest)[2].index, 3);
  EXPECT_DOUBLE_EQ((*nearest)[2].distance, 5);
}

TEST(FindNearestImagesTest, AgreesWithEveryDistance) {
  std::mt19937 generator(3);
  const auto noise = [&](int count) {
    ImageSet images = Greys(20, std::vector<uint8_t>(count, 0));
    for (uint8_t& pixel : images.pixels) {
      pixel = static_cast<uint8_t>(generator() % 256);
    }
    return images;
  };
  const ImageSet queries = noise(5);
  const ImageSet candidates = noise(40);
  const auto nearest = FindNearestImages(queries, candidates);
  ASSERT_TRUE(nearest.ok()) << nearest.status();
  for (size_t query = 0; query < 5; ++query) {
    const auto pixels = std::span(queries.pixels).subspan(query * 400, 400);
    double least = 256;
    for (size_t i = 0; i < 40; ++i) {
      const double distance = ImageDistance(
          pixels, std::span(candidates.pixels).subspan(i * 400, 400));
      if (distance >= least) continue;
      least = distance;
      EXPECT_LE((*nearest)[query].distance, distance);
    }
    EXPECT_DOUBLE_EQ((*nearest)[query].distance, least);
  }
}

TEST(FindNearestImagesTest, RefusesImagesOfAnotherShape) {
  const auto other = FindNearestImages(Greys(4, {1}), Greys(8, {1}));
  EXPECT_THAT(std::string(other.status().message()),
              HasSubstr("4x4x1 cannot be compared with images of 8x8x1"));
  EXPECT_FALSE(FindNearestImages(Greys(4, {1}), Greys(4, {})).ok());
}

TEST(SpreadOfClassesTest, IsTheMeanOverThePairsOfAClass) {
  const std::vector<std::optional<double>> spreads = SpreadOfClasses(
      Greys(2, {0, 10, 50, 40, 77}, {0, 1, 0, 0, 2}, /*classes=*/4));
  ASSERT_EQ(spreads.size(), 4u);
  EXPECT_DOUBLE_EQ(spreads[0].value(), (50.0 + 40.0 + 10.0) / 3);
  EXPECT_FALSE(spreads[1].has_value());
  EXPECT_FALSE(spreads[2].has_value());
  EXPECT_FALSE(spreads[3].has_value());
}

TEST(JudgeMemorisationTest, SetsSamplesAgainstHeldOutImages) {
  std::vector<double> held_out;
  for (int i = 0; i <= 20; ++i) held_out.push_back(10 + i);  // Median 20.
  const auto judged = JudgeMemorisation(
      AtDistances({0, 10.5, 11, 12, 19, 20, 21, 40}), AtDistances(held_out));
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_DOUBLE_EQ(judged->held_out_median, 20);
  EXPECT_DOUBLE_EQ(judged->sample_median, 15.5);
  EXPECT_DOUBLE_EQ(judged->nearer_than_half, 5.0 / 8);
  // A twentieth of the way up is 11.
  EXPECT_DOUBLE_EQ(judged->nearer_than_nearly_all, 2.0 / 8);
}

TEST(JudgeMemorisationTest, CopiesAndTheDataThemselves) {
  const std::vector<NearestImage> held_out = AtDistances({5, 6, 7, 8, 9, 10});
  const auto copies = JudgeMemorisation(AtDistances({0, 0, 1}), held_out);
  EXPECT_EQ(copies->nearer_than_half, 1);
  EXPECT_EQ(copies->nearer_than_nearly_all, 1);
  EXPECT_EQ(JudgeMemorisation(held_out, held_out)->nearer_than_half, 0.5);
}

TEST(JudgeMemorisationTest, RefusesEmptySets) {
  const std::vector<NearestImage> one = AtDistances({1});
  EXPECT_THAT(std::string(JudgeMemorisation({}, one).status().message()),
              HasSubstr("no sample"));
  EXPECT_THAT(std::string(JudgeMemorisation(one, {}).status().message()),
              HasSubstr("no held-out image"));
}

TEST(CompareDiversityTest, TakesTheClassesThatBothHave) {
  const std::vector<std::optional<double>> samples = {10.0, std::nullopt, 20.0};
  const std::vector<std::optional<double>> training = {30.0, 90.0, 50.0};
  const Diversity diversity = CompareDiversity(samples, training);
  EXPECT_EQ(diversity.classes, 2);
  EXPECT_DOUBLE_EQ(diversity.samples, 15);
  EXPECT_DOUBLE_EQ(diversity.training_images, 40);
  EXPECT_EQ(CompareDiversity({}, training).classes, 0);
}

}  // namespace
}  // namespace cascade
