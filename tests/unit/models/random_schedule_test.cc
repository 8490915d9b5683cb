// Same bytes under any schedule: images that join, leave, are parked and go on
// elsewhere at random, against each of them made alone. CASCADE_TEST_DEVICE is
// where.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/cascade_model.h"
#include "tests/unit/models/driven_executor.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

#ifdef CASCADE_TEST_DEVICE
constexpr char kDevice[] = CASCADE_TEST_DEVICE;
#else
constexpr char kDevice[] = "cpu";
#endif
constexpr int kImages = 100;  // Of each stage.
constexpr int kSlots = 12;

int Below(std::mt19937& random, int limit) {
  return static_cast<int>(random() % static_cast<unsigned>(limit));
}

ImagePlan RandomPlan(const StageSpec& spec, uint64_t seed,
                     std::mt19937& random) {
  SamplerOptions options =
      Options(static_cast<SamplerKind>(Below(random, 3)), 1 + Below(random, 6));
  if (options.kind == SamplerKind::kDdim) options.eta = 0.5 * Below(random, 3);
  if (Below(random, 3) == 0) {
    options.guidance = {.scale = 1.5 + Below(random, 3),
                        .interval_begin = 0.25 * Below(random, 2),
                        .interval_end = 0.5 + 0.25 * Below(random, 3)};
  }
  ImagePlan plan = Plan(spec, options, seed);
  if (Below(random, 6) == 0) plan.class_id.reset();
  if (spec.augmentation.enabled) {
    plan.augmentation_level = 0.2 * Below(random, 4);
  }
  return plan;
}

// Takes the images of `plans` through two executors at random.
class RandomSchedule {
 public:
  RandomSchedule(std::array<StageExecutor*, 2> executors,
                 std::vector<ImagePlan> plans, uint32_t seed)
      : executors_(executors), random_(seed) {
    for (ImagePlan& plan : plans) images_.push_back({.plan = std::move(plan)});
  }

  // Returns the finished images in the order of the plans.
  std::vector<std::vector<float>> Run() {
    while (std::any_of(images_.begin(), images_.end(), [](const Image& image) {
      return image.finished.empty();
    })) {
      const int executor = Below(random_, 2);
      Park(executor);
      Admit(executor);
      Step(executor);
      Finish(executor);
    }
    std::vector<std::vector<float>> finished;
    for (Image& image : images_) finished.push_back(std::move(image.finished));
    return finished;
  }

  int num_parked() const { return num_parked_; }

 private:
  struct Image {
    ImagePlan plan;
    int executor = -1;  // Where it has `slot`; -1: nowhere.
    Slot slot = 0;
    size_t line = 0;
    std::vector<float> finished = {};
  };

  // Images for which `holds`, in random order.
  template <typename Predicate>
  std::vector<Image*> Select(Predicate holds) {
    std::vector<Image*> selected;
    for (Image& image : images_) {
      if (holds(image)) selected.push_back(&image);
    }
    std::shuffle(selected.begin(), selected.end(), random_);
    return selected;
  }
  std::vector<Image*> In(int executor) {
    return Select(
        [&](const Image& image) { return image.executor == executor; });
  }

  // Each image of the executor with a chance of one in eight.
  void Park(int executor) {
    for (Image* image : In(executor)) {
      if (Below(random_, 8) != 0) continue;
      image->plan.parked = executors_[executor]->Park(image->slot).value();
      Leave(*image);
      ++num_parked_;
    }
  }

  // A few images, new ones and parked ones, as there are slots for.
  void Admit(int executor) {
    int free = kSlots - static_cast<int>(In(executor).size());
    std::vector<Image*> waiting = Select([](const Image& image) {
      return image.executor < 0 && image.finished.empty();
    });
    waiting.resize(std::min<size_t>(
        waiting.size(), static_cast<size_t>(Below(random_, free + 1))));
    std::vector<ImagePlan> plans;
    for (Image* image : waiting) plans.push_back(image->plan);
    const std::vector<Slot> slots = executors_[executor]->Admit(plans).value();
    for (size_t i = 0; i < waiting.size(); ++i) {
      waiting[i]->executor = executor;
      waiting[i]->slot = slots[i];
    }
  }

  void Step(int executor) {
    const int max_rows = executors_[executor]->limits().batch_rows.back();
    std::vector<StepRow> rows;
    int network_rows = 0;
    const int wanted = 1 + Below(random_, kSlots);
    for (Image* image : In(executor)) {
      if (static_cast<int>(rows.size()) == wanted) break;
      const auto& lines = image->plan.table->lines;
      if (image->line == lines.size()) continue;
      const int more = RowsOf(lines[image->line]);
      if (network_rows + more > max_rows) continue;
      network_rows += more;
      rows.push_back({.slot = image->slot, .wants_pixels = more == 2});
      ++image->line;
    }
    if (rows.empty()) return;
    const auto outcome = RunStep(*executors_[executor], rows);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
  }

  void Finish(int executor) {
    for (Image* image : In(executor)) {
      if (image->line < image->plan.table->lines.size()) continue;
      image->finished = Finished(*executors_[executor], image->slot);
      Leave(*image);
    }
  }

  void Leave(Image& image) {
    executors_[image.executor]->Release({&image.slot, 1});
    image.executor = -1;
  }

  const std::array<StageExecutor*, 2> executors_;
  std::vector<Image> images_;
  std::mt19937 random_;
  int num_parked_ = 0;
};

// The parameter is a stage.
class RandomScheduleTest : public testing::TestWithParam<int> {};

TEST_P(RandomScheduleTest, NoByteDiffersFromTheImageAlone) {
  if (const auto memory = MemoryOf(kDevice); !memory.ok()) {
    GTEST_SKIP() << memory.status();
  }
  LoadOptions options;
  options.max_batch_rows = 16;
  options.slots_per_executor = kSlots;
  const auto model =
      LoadCascade(WritePackage(absl::StrCat("random_schedule_", GetParam()),
                               {TinyBase(), TinySuperResolution()}),
                  options)
          .value();
  const auto first = model->MakeExecutor(GetParam(), kDevice).value();
  const auto second = model->MakeExecutor(GetParam(), kDevice).value();
  std::mt19937 random(2026);
  std::vector<ImagePlan> plans;
  for (uint64_t seed = 0; seed < kImages; ++seed) {
    plans.push_back(RandomPlan(first->spec(), seed, random));
  }
  const auto alone = Alone(*first, plans);

  RandomSchedule schedule({first.get(), second.get()}, plans, 7);
  const auto together = schedule.Run();
  int different = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    different += together[i] != alone[i];
  }
  EXPECT_EQ(different, 0);
  EXPECT_GT(schedule.num_parked(), kImages / 4);
  // Every slot came back.
  for (StageExecutor* executor : {first.get(), second.get()}) {
    EXPECT_TRUE(executor->Admit(std::vector<ImagePlan>(kSlots, plans[0])).ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Stages, RandomScheduleTest, testing::Values(0, 1),
                         [](const auto& stage) {
                           return stage.param == 0 ? "Base" : "SuperResolution";
                         });

}  // namespace
}  // namespace cascade
