#include "models/cascade_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "models/runtime/allocation_peak.h"
#include "tests/unit/models/tiny_cascade.h"

namespace cascade {
namespace {

using ::testing::HasSubstr;

LoadOptions Small() {
  LoadOptions options;
  options.max_batch_rows = 4;
  options.slots_per_executor = 4;
  return options;
}

// Makes one image by the cascade's defaults and returns its pixels.
std::vector<uint8_t> Generate(const CascadeModel& model, int class_id) {
  std::shared_ptr<const StageOutput> image;
  std::vector<uint8_t> pixels;
  for (const StageSpec& stage : model.spec().stages) {
    auto executor = model.MakeExecutor(stage.index, "cpu").value();
    ImagePlan plan;
    plan.table = std::make_shared<SamplerTable>(
        CompileSampler(stage.diffusion, stage.default_sampler).value());
    plan.image_seed = 1;
    plan.class_id = class_id;
    plan.augmentation_level = stage.augmentation.default_level;
    plan.input = image;
    const Slot slot = executor->Admit({&plan, 1}).value()[0];
    for (size_t i = 0; i < plan.table->lines.size(); ++i) {
      const StepRow row = {.slot = slot, .wants_pixels = true};
      pixels = executor->Wait(executor->Enqueue({&row, 1}).value())
                   .value()
                   .rows[0]
                   .pixels->pixels;
    }
    image = executor->Export(slot).value();
    executor->Release({&slot, 1});
  }
  return pixels;
}

TEST(CascadeModelTest, LoadsWhatThePackageDescribes) {
  const std::string folder =
      WritePackage("described", {TinyBase(), TinySuperResolution()});
  const auto model = LoadCascade(folder, Small()).value();
  const CascadeSpec& spec = model->spec();
  EXPECT_EQ(spec.name, "described");
  EXPECT_EQ(spec.digest.size(), 64u);
  EXPECT_EQ(spec.class_names.size(), 10u);
  ASSERT_EQ(spec.stages.size(), 2u);
  EXPECT_EQ(spec.stages[1].index, 1);
  EXPECT_EQ(spec.stages[1].low_resolution, 8);
  EXPECT_GT(spec.stages[1].parameters, 1000);

  const auto executor = model->MakeExecutor(0, "cpu").value();
  EXPECT_EQ(executor->spec().name, "8x8");
  EXPECT_EQ(executor->limits().slots, 4);
  EXPECT_EQ(executor->limits().batch_rows.front(), 1);
  EXPECT_LE(executor->limits().batch_rows.back(), 4);
  EXPECT_EQ(executor->limits().costs.front().rows, 1);
  EXPECT_EQ(model->MakeExecutor(2, "cpu").status().message(),
            "stage_index = 2 is not in 0..1");
}

TEST(CascadeModelTest, TellsItsMemory) {
  const auto model =
      LoadCascade(WritePackage("memory", {TinyBase(), TinySuperResolution()}),
                  Small())
          .value();
  constexpr int64_t kBaseImage = 8 * 8 * sizeof(float);
  constexpr int64_t kLargeImage = 16 * 16 * sizeof(float);
  const ExecutorLimits base = model->MakeExecutor(0, "cpu").value()->limits();
  // Floats, and at most thirty-six for nine where convolutions are Winograd's.
  const int64_t parameters = model->spec().stages[0].parameters;
  EXPECT_GE(base.weight_bytes, 4 * parameters);
  EXPECT_LE(base.weight_bytes, 4 * parameters * 36 / 9);
  // Two of x, four of x0.
  EXPECT_EQ(base.bytes_per_slot, 6 * kBaseImage);
  // At least two of the widest level's activations.
  EXPECT_GT(base.bytes_per_row, 2 * 16 * kBaseImage);
  const ExecutorLimits large = model->MakeExecutor(1, "cpu").value()->limits();
  EXPECT_EQ(large.bytes_per_slot, 7 * kLargeImage);
  EXPECT_GT(large.bytes_per_row, 2 * base.bytes_per_row);
}

TEST(CascadeModelTest, ExecutorsShareTheWeights) {
  const auto model =
      LoadCascade(WritePackage("shared", {TinyUnconditional()}), Small())
          .value();
  const auto first = model->MakeExecutor(0, "cpu").value();
  const AllocationPeak peak(at::kCPU);
  const auto second = model->MakeExecutor(0, "cpu").value();
  // Beside the slots, the inputs, timesteps and noise of four rows.
  constexpr int64_t kImage = 3 * 8 * 8 * sizeof(float);
  EXPECT_EQ(peak.bytes(),
            4 * first->limits().bytes_per_slot + 4 * (2 * kImage + 4));
}

TEST(CascadeModelTest, RefusesDevicesThatItHasNot) {
  const auto model =
      LoadCascade(WritePackage("devices", {TinyUnconditional()}), Small())
          .value();
  for (const auto& status :
       {model->MakeExecutor(0, "tpu").status(), MemoryOf("tpu").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), "device = \"tpu\" is not cpu or cuda:N");
  }
  for (const char* device : {"cuda:", "cuda:x", "cuda:-1", "cuda0", ""}) {
    EXPECT_EQ(model->MakeExecutor(0, device).status().code(),
              absl::StatusCode::kInvalidArgument)
        << device;
  }
#ifdef CASCADE_CUDA
  const absl::StatusCode absent = absl::StatusCode::kNotFound;
#else
  const absl::StatusCode absent = absl::StatusCode::kUnimplemented;
#endif
  EXPECT_EQ(model->MakeExecutor(0, "cuda:99").status().code(), absent);
  EXPECT_EQ(MemoryOf("cuda:99").status().code(), absent);
}

TEST(CascadeModelTest, TheHostHasMemory) {
  const DeviceMemory memory = MemoryOf("cpu").value();
  EXPECT_GT(memory.free, 0);
  EXPECT_GE(memory.total, memory.free);
}

TEST(CascadeModelTest, LoadedTwiceItMakesTheSameImages) {
  const std::string folder =
      WritePackage("twice", {TinyBase(), TinySuperResolution()});
  const auto first = LoadCascade(folder, Small()).value();
  LoadOptions options = Small();
  options.name = "other";
  const auto second = LoadCascade(folder, options).value();
  EXPECT_EQ(second->spec().name, "other");
  const std::vector<uint8_t> image = Generate(*first, 3);
  EXPECT_EQ(image.size(), 256u);
  EXPECT_EQ(Generate(*second, 3), image);
  EXPECT_NE(Generate(*second, 4), image);
}

TEST(CascadeModelTest, ServesUnconditionalPackages) {
  const auto model =
      LoadCascade(WritePackage("unconditional", {TinyUnconditional()}), Small())
          .value();
  EXPECT_TRUE(model->spec().class_names.empty());
  EXPECT_EQ(Generate(*model, 0).size(), 192u);
}

TEST(CascadeModelTest, LanesMakeTheSameImages) {
  const auto model =
      LoadCascade(WritePackage("lanes", {TinyBase(), TinySuperResolution()}),
                  Small())
          .value();
  std::vector<std::vector<uint8_t>> images(3);
  {
    std::vector<std::jthread> lanes;
    for (std::vector<uint8_t>& image : images) {
      lanes.emplace_back([&] { image = Generate(*model, 3); });
    }
  }
  EXPECT_EQ(images[1], images[0]);
  EXPECT_EQ(images[2], images[0]);
}

TEST(CascadeModelTest, RefusesWeightsThatWereChanged) {
  const std::string folder = WritePackage("changed", {TinyUnconditional()});
  const std::string file = folder + "/8x8.safetensors";
  {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(-1, std::ios::end);
    stream.put('\x7f');
  }
  const absl::Status status = LoadCascade(folder, Small()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("8x8.safetensors"));

  std::filesystem::resize_file(file, 5000);
  EXPECT_EQ(LoadCascade(folder, Small()).status().code(),
            absl::StatusCode::kDataLoss);
  std::filesystem::remove(file);
  EXPECT_EQ(LoadCascade(folder, Small()).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(CascadeModelTest, RefusesOptionsOutOfRange) {
  const std::string folder = WritePackage("options", {TinyUnconditional()});
  const auto error = [&](const LoadOptions& options) {
    return LoadCascade(folder, options).status();
  };
  LoadOptions options = Small();
  options.max_batch_rows = 0;
  EXPECT_EQ(error(options).message(), "max_batch_rows = 0 is not in 1..1024");
  options = Small();
  options.slots_per_executor = 5000;
  EXPECT_EQ(error(options).message(),
            "slots_per_executor = 5000 is not in 1..4096");
}

TEST(CascadeModelTest, BuildSaysWhatTheBytesDependOn) {
  EXPECT_THAT(BuildDescription(), HasSubstr(" torch "));
  EXPECT_THAT(BuildDescription(), HasSubstr(" cpu"));
}

}  // namespace
}  // namespace cascade
