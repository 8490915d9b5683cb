#include "models/weights/cascade_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/sha256.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

// A package of two stages in a folder of its own, without its weights.
class CascadeManifestTest : public testing::Test {
 protected:
  CascadeManifestTest()
      : folder_(testing::TempDir() + "/" +
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    // What an earlier run left would count as the package's.
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    CascadeManifest manifest;
    manifest.name = "dots";
    manifest.class_names = {"black", "white"};
    manifest.stages = {Stage("8x8", 8, 0), Stage("16x16", 16, 8)};
    EXPECT_TRUE(WriteManifest(folder_, manifest).ok());
    std::ifstream file(folder_ + "/cascade.json");
    json_ = Json::parse(file);
  }

  static StageManifest Stage(const std::string& name, int resolution,
                             int low_resolution) {
    StageManifest stage;
    stage.spec.name = name;
    stage.spec.resolution = resolution;
    stage.spec.low_resolution = low_resolution;
    stage.spec.channels = 1;
    stage.spec.diffusion.prediction = PredictionType::kVelocity;
    if (low_resolution > 0) {
      stage.spec.default_sampler.threshold = {ThresholdKind::kDynamic, 0.9, 3};
      stage.spec.default_sampler.schedule = {.num_timesteps = 100,
                                             .betas = {{1e-4, 0.1}}};
      stage.spec.diffusion.conditioning = NoiseConditioning::kNoiseLevel;
    }
    stage.spec.augmentation.enabled = low_resolution > 0;
    stage.spec.augmentation.default_level = 0.1;
    if (low_resolution > 0) {
      stage.spec.augmentation.default_mode = AugmentationMode::kTruncated;
      stage.spec.upsampling = LowResolutionUpsampling::kBicubic;
    }
    stage.spec.weights_sha256 = std::string(64, 'a');
    stage.network.num_classes = 2;
    stage.network.null_class = true;
    stage.weights_file = name + ".safetensors";
    return stage;
  }

  // The error of the manifest after `change`; empty: none.
  template <typename Change>
  std::string ErrorAfter(Change change) {
    Json changed = json_;
    change(changed);
    std::ofstream(folder_ + "/cascade.json") << changed.dump(2);
    return std::string(ReadManifest(folder_).status().message());
  }

  const std::string folder_;
  Json json_;
};

TEST_F(CascadeManifestTest, ReadsWhatItWrites) {
  const auto manifest = ReadManifest(folder_);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->name, "dots");
  EXPECT_EQ(manifest->digest.size(), 64u);
  ASSERT_EQ(manifest->stages.size(), 2u);
  const StageManifest& stage = manifest->stages[1];
  EXPECT_EQ(stage.spec.index, 1);
  EXPECT_EQ(stage.spec.low_resolution, 8);
  EXPECT_EQ(stage.spec.num_classes, 2);
  EXPECT_TRUE(stage.spec.has_null_class);
  EXPECT_EQ(stage.spec.diffusion.prediction, PredictionType::kVelocity);
  EXPECT_EQ(stage.spec.diffusion.conditioning, NoiseConditioning::kNoiseLevel);
  EXPECT_EQ(manifest->stages[0].spec.diffusion.conditioning,
            NoiseConditioning::kTimestep);
  const SamplerOptions& sampler = stage.spec.default_sampler;
  EXPECT_EQ(sampler.threshold,
            (ThresholdOptions{ThresholdKind::kDynamic, 0.9, 3}));
  EXPECT_EQ(sampler.schedule,
            (SamplingSchedule{.num_timesteps = 100, .betas = {{1e-4, 0.1}}}));
  EXPECT_EQ(manifest->stages[0].spec.default_sampler.threshold,
            ThresholdOptions());
  EXPECT_FALSE(manifest->stages[0].spec.default_sampler.schedule.has_value());
  EXPECT_TRUE(stage.spec.augmentation.enabled);
  EXPECT_FALSE(manifest->stages[0].spec.augmentation.enabled);
  EXPECT_EQ(stage.network.image_channels, 1);
  EXPECT_EQ(stage.network.out_channels, 1);
  EXPECT_TRUE(stage.network.super_resolution);
  EXPECT_TRUE(stage.network.augmentation_embedding);
}

TEST_F(CascadeManifestTest, DerivesTheVarianceChannels) {
  EXPECT_EQ(ErrorAfter([](Json& json) {
              json["stages"][0]["diffusion"]["variance"] = "learned_range";
            }),
            "");
  EXPECT_EQ(ReadManifest(folder_)->stages[0].network.out_channels, 2);
}

TEST_F(CascadeManifestTest, AllowsAnUnconditionalCascade) {
  EXPECT_EQ(ErrorAfter([](Json& json) {
              json["class_names"] = Json::array();
              for (Json& stage : json["stages"]) {
                stage["network"]["num_classes"] = 0;
                stage["network"]["null_class"] = false;
              }
            }),
            "");
}

TEST_F(CascadeManifestTest, NamesFilePathAndValue) {
  EXPECT_THAT(ErrorAfter([](Json& json) { json["stage"] = 1; }),
              HasSubstr("cascade.json: stage is unknown"));
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["stages"][1]["network"]["depth"] = 3; }),
      HasSubstr("stages[1].network.depth is unknown (its value is 3)"));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["diffusion"]["schedule"] = "quadratic";
              }),
              HasSubstr("stages[0].diffusion.schedule must be one of linear, "
                        "cosine, karras, is \"quadratic\""));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["diffusion"]["conditioning"] = "sigma";
              }),
              HasSubstr("stages[0].diffusion.conditioning must be one of "
                        "timestep, noise_level, is \"sigma\""));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["sampler"]["steps"] = 1001;
              }),
              HasSubstr("stages[0].sampler.steps must be an integer in "
                        "1..1000, is 1001"));
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["stages"][0].erase("resolution"); }),
      HasSubstr("stages[0].resolution is missing"));
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["stages"][0]["channels"] = "1"; }),
      HasSubstr("stages[0].channels must be an integer"));
  EXPECT_THAT(ErrorAfter([](Json& json) { json["format"] = 2; }),
              HasSubstr("format must be an integer in 1..1, is 2"));
  EXPECT_THAT(
      ErrorAfter([](Json& json) {
        json["stages"][1]["conditioning_augmentation"]["default_level"] = 1.5;
      }),
      HasSubstr("conditioning_augmentation.default_level"));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["network"]["norm_groups"] = 48;
              }),
              HasSubstr("stages[0].network.norm_groups (48)"));
}

TEST_F(CascadeManifestTest, KeepsTheBlurOfTraining) {
  const auto error = [&](const Json& blur, bool augmented) {
    return ErrorAfter([&](Json& json) {
      Json& stage = json["stages"][1];
      stage["conditioning_blur"] = blur;
      if (!augmented) stage.erase("conditioning_augmentation");
    });
  };
  ASSERT_EQ(error(Json::object(), false), "");
  ConditioningBlur blur = ReadManifest(folder_)->stages[1].blur;
  EXPECT_EQ(blur.share, 0.5);
  EXPECT_EQ(blur.min_sigma, 0.4);
  EXPECT_EQ(blur.max_sigma, 0.6);
  EXPECT_EQ(ReadManifest(folder_)->stages[0].blur.share, 0);

  ASSERT_EQ(error({{"share", 0.25}, {"sigma", {0.5, 1.5}}}, false), "");
  StageManifest stage = ReadManifest(folder_)->stages[1];
  stage = ParseStage(StageText(stage), "checkpoint").value();
  EXPECT_EQ(stage.blur.share, 0.25);
  EXPECT_EQ(stage.blur.min_sigma, 0.5);
  EXPECT_EQ(stage.blur.max_sigma, 1.5);

  EXPECT_THAT(error(Json::object(), true),
              HasSubstr("stages[1].conditioning_blur cannot stand beside "
                        "conditioning_augmentation"));
  EXPECT_THAT(error({{"sigma", {0.6, 0.4}}}, false),
              HasSubstr("stages[1].conditioning_blur.sigma must be [smallest, "
                        "largest]"));
  EXPECT_THAT(error({{"share", 1.5}}, false),
              HasSubstr("conditioning_blur.share must be a number in 0..1, is "
                        "1.5"));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["conditioning_blur"] = Json::object();
              }),
              HasSubstr("stages[0].conditioning_blur needs a low_resolution"));
}

TEST_F(CascadeManifestTest, RefusesALearnedVarianceOfNoiseLevels) {
  EXPECT_THAT(
      ErrorAfter([](Json& json) {
        json["stages"][0]["diffusion"]["conditioning"] = "noise_level";
        json["stages"][0]["diffusion"]["variance"] = "learned_range";
      }),
      HasSubstr("stages[0].diffusion.variance must not be learned_range"));
}

TEST_F(CascadeManifestTest, KeepsHowTheInputIsTaken) {
  StageSpec spec = ReadManifest(folder_)->stages[1].spec;
  EXPECT_EQ(spec.augmentation.default_mode, AugmentationMode::kTruncated);
  EXPECT_EQ(spec.upsampling, LowResolutionUpsampling::kBicubic);
  EXPECT_EQ(spec.handover, Handover::kFloat);
  for (const auto& [name, handover] :
       {std::pair("uint8", Handover::kUint8),
        std::pair("uint8_truncated", Handover::kUint8Truncated)}) {
    EXPECT_EQ(ErrorAfter([&](Json& json) {
                json["stages"][1]["handover"] = name;
                json["stages"][1]["conditioning_augmentation"]["mode"] =
                    "non_truncated";
              }),
              "");
    const StageManifest stage = ReadManifest(folder_)->stages[1];
    EXPECT_EQ(stage.spec.handover, handover);
    EXPECT_EQ(ParseStage(StageText(stage), "checkpoint")->spec.handover,
              handover);
  }
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["stages"][1]["handover"] = "uint8"; }),
      HasSubstr("stages[1].conditioning_augmentation.mode must not be "
                "truncated: stage 1 (16x16) takes images of 8 bits"));
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["stages"][0]["handover"] = "uint8"; }),
      HasSubstr("stages[0].handover needs a low_resolution"));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][1]["low_resolution_upsampling"] = "nearest";
              }),
              HasSubstr("low_resolution_upsampling must be one of bilinear, "
                        "bicubic, is \"nearest\""));
}

TEST_F(CascadeManifestTest, ReadsTheStagesPrecision) {
  EXPECT_EQ(ReadManifest(folder_)->stages[1].spec.precision, Precision::kAuto);
  EXPECT_EQ(ErrorAfter([](Json& json) {
              json["stages"][1]["precision"] = "bf16";
              json["stages"][1]["bf16_distance"] = 0.25;
            }),
            "");
  const StageManifest stage = ReadManifest(folder_)->stages[1];
  EXPECT_EQ(stage.spec.precision, Precision::kBf16);
  EXPECT_EQ(stage.spec.bf16_distance, 0.25);
  const auto written = ParseStage(StageText(stage), "checkpoint");
  EXPECT_EQ(written->spec.precision, Precision::kBf16);
  EXPECT_EQ(written->spec.bf16_distance, 0.25);
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["stages"][0]["precision"] = "int8"; }),
      HasSubstr("stages[0].precision must be one of auto, fp32, bf16, fp16, is "
                "\"int8\""));
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["stages"][0]["bf16_distance"] = -1; }),
      HasSubstr("stages[0].bf16_distance"));
}

TEST_F(CascadeManifestTest, NamesWhatIsWrongWithASampler) {
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["sampler"]["schedule"] = Json::object();
              }),
              HasSubstr("stages[0].sampler.schedule needs "
                        "diffusion.conditioning noise_level"));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][1]["sampler"]["schedule"].erase("beta_end");
              }),
              HasSubstr("stages[1].sampler.schedule.beta_begin needs"));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][1]["sampler"]["steps"] = 101;
              }),
              HasSubstr("sampler.steps must be an integer in 1..100, is 101"));
  EXPECT_THAT(
      ErrorAfter([](Json& json) {
        json["stages"][1]["sampler"]["threshold"]["kind"] = "static";
      }),
      HasSubstr("stages[1].sampler.threshold.quantile needs kind dynamic"));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][1]["sampler"]["threshold"]["max"] = 0.5;
              }),
              HasSubstr("stages[1].sampler.threshold.max must be"));
}

TEST_F(CascadeManifestTest, ReadsAndWritesAProcessInSigma) {
  const auto change = [](Json& json) {
    json["stages"][0]["diffusion"] = {{"num_timesteps", 40},
                                      {"schedule", "karras"},
                                      {"prediction", "consistency"},
                                      {"sigma_min", 0.01},
                                      {"sigma_max", 50.0},
                                      {"rho", 5.0},
                                      {"sigma_data", 0.4}};
    json["stages"][0]["sampler"] = {
        {"kind", "consistency"}, {"steps", 2}, {"grid_points", {0, 22}}};
    // A process without timesteps cannot stop at one.
    json["stages"][1]["conditioning_augmentation"]["mode"] = "non_truncated";
  };
  ASSERT_EQ(ErrorAfter(change), "");
  CascadeManifest manifest = ReadManifest(folder_).value();
  ASSERT_TRUE(WriteManifest(folder_, manifest).ok());
  manifest = ReadManifest(folder_).value();
  const StageSpec& spec = manifest.stages[0].spec;
  EXPECT_EQ(spec.diffusion.schedule, ScheduleKind::kKarras);
  EXPECT_EQ(spec.diffusion.prediction, PredictionType::kConsistency);
  EXPECT_EQ(spec.diffusion.num_timesteps, 40);
  EXPECT_EQ(
      spec.diffusion.karras,
      (KarrasSpec{
          .sigma_min = 0.01, .sigma_max = 50, .rho = 5, .sigma_data = 0.4}));
  EXPECT_EQ(spec.default_sampler.kind, SamplerKind::kConsistency);
  EXPECT_EQ(spec.default_sampler.grid_points, (std::vector<int>{0, 22}));
}

TEST_F(CascadeManifestTest, RefusesProcessesAndSamplersThatDoNotFit) {
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["diffusion"]["schedule"] = "karras";
              }),
              HasSubstr("stages[0].diffusion.prediction = v: schedule karras "
                        "goes with edm and consistency"));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["diffusion"]["sigma_max"] = 80;
              }),
              HasSubstr("stages[0].diffusion.sigma_max goes with schedule "
                        "karras only"));
  EXPECT_THAT(
      ErrorAfter([](Json& json) {
        json["stages"][0]["diffusion"] = {{"schedule", "karras"},
                                          {"prediction", "edm"},
                                          {"sigma_min", 3.0},
                                          {"sigma_max", 2.0}};
      }),
      HasSubstr(
          "stages[0].diffusion.sigma_max = 2 is not above sigma_min = 3"));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["diffusion"] = {{"schedule", "karras"},
                                                  {"prediction", "edm"}};
                json["stages"][0]["sampler"]["kind"] = "ddpm";
              }),
              HasSubstr("stages[0].sampler.kind must be one of ddim, dpmpp_2m, "
                        "heun, unipc_3 for this diffusion, is \"ddpm\""));
  // The default of a key that is absent.
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["diffusion"]["num_timesteps"] = 1;
                json["stages"][0]["sampler"].erase("steps");
              }),
              HasSubstr("stages[0].sampler.steps must be an integer in 1..1, "
                        "is "));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][1]["conditioning_augmentation"]["schedule"] =
                    "karras";
              }),
              HasSubstr("conditioning_augmentation.schedule must be one of "
                        "linear, cosine, is \"karras\""));
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["sampler"]["kind"] = "heun";
                json["stages"][0]["sampler"]["eta"] = 1;
              }),
              HasSubstr("stages[0].sampler.eta = 1: only DDIM takes eta"));
}

// A request that leaves all to the package would be refused.
TEST_F(CascadeManifestTest, DefaultsThatTruncateMustRun) {
  EXPECT_THAT(ErrorAfter([](Json& json) {
                json["stages"][0]["diffusion"]["conditioning"] = "noise_level";
                json["stages"][0]["sampler"]["schedule"] = {
                    {"kind", "linear"}, {"num_timesteps", 100}};
              }),
              HasSubstr("stages[1].conditioning_augmentation.mode must not be "
                        "truncated: stage 0 (8x8) is to run another schedule "
                        "than it was trained with"));
  const auto at_level_one = [](Json& json) {
    json["stages"][1]["conditioning_augmentation"]["default_level"] = 1;
  };
  EXPECT_THAT(ErrorAfter(at_level_one),
              HasSubstr("stages[1].conditioning_augmentation.default_level "
                        "must leave stage 8x8 something to do, is 1: "
                        "stop_timestep = 999: none of the"));
  EXPECT_EQ(ErrorAfter([&](Json& json) {
              at_level_one(json);
              json["stages"][1]["conditioning_augmentation"]["mode"] =
                  "non_truncated";
            }),
            "");
}

TEST_F(CascadeManifestTest, BlurNeedsNeighbours) {
  const auto change = [](Json& json, int low_resolution) {
    json["stages"][1]["low_resolution"] = low_resolution;
    json["stages"][1].erase("conditioning_augmentation");
    json["stages"][1]["conditioning_blur"] = Json::object();
  };
  EXPECT_EQ(ErrorAfter([&](Json& json) { change(json, 8); }), "");
  EXPECT_THAT(ErrorAfter([&](Json& json) { change(json, 1); }),
              HasSubstr("stages[1].low_resolution must be 2 or more with "
                        "conditioning_blur, is 1"));
}

TEST_F(CascadeManifestTest, ChecksThatStagesFollowOneAnother) {
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["stages"][1]["low_resolution"] = 4; }),
      HasSubstr("stages[1].low_resolution must be the stage before's "
                "resolution (8), is 4"));
  EXPECT_THAT(ErrorAfter([](Json& json) { json["stages"][1]["name"] = "8x8"; }),
              HasSubstr("appears twice"));
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["class_names"].push_back("x"); }),
      HasSubstr("number of class_names (3), is 2"));
  EXPECT_THAT(ErrorAfter([](Json& json) { json["stages"] = Json::array(); }),
              HasSubstr("stages must have 1..16 entries"));
  EXPECT_THAT(
      ErrorAfter([](Json& json) { json["stages"][1]["resolution"] = 8; }),
      HasSubstr("low_resolution must be below resolution"));
}

TEST_F(CascadeManifestTest, TellsWhereAStageWasImportedFrom) {
  EXPECT_EQ(ReadManifest(folder_)->stages[0].source, std::nullopt);
  const Json source = {{"checkpoint", "64x64_diffusion"},
                       {"file", "64x64_diffusion.pt"},
                       {"sha256", std::string(64, 'b')},
                       {"attention_layout", "new"}};
  EXPECT_EQ(ErrorAfter([&](Json& json) {
              json["stages"][0]["imported_from"] = source;
            }),
            "");
  EXPECT_EQ(ReadManifest(folder_)->stages[0].source->file,
            "64x64_diffusion.pt");
  EXPECT_THAT(ErrorAfter([&](Json& json) {
                json["stages"][0]["imported_from"] = source;
                json["stages"][0]["imported_from"]["sha256"] = "b";
              }),
              HasSubstr("stages[0].imported_from.sha256 must be 64"));
  EXPECT_THAT(ErrorAfter([&](Json& json) {
                json["stages"][0]["imported_from"] = source;
                json["stages"][0]["imported_from"].erase("file");
              }),
              HasSubstr("stages[0].imported_from.file is missing"));
}

TEST_F(CascadeManifestTest, KeepsToItsFolder) {
  for (const char* name : {"../x", "/etc/passwd", "..", ""}) {
    EXPECT_THAT(ErrorAfter([&](Json& json) {
                  json["stages"][0]["weights"]["file"] = name;
                }),
                HasSubstr("stages[0].weights.file must be a name"));
  }
}

TEST_F(CascadeManifestTest, NamesCannotBecomePaths) {
  for (const char* name : {"../x", "a/b", "", ".", "..", "x y", "-x"}) {
    EXPECT_THAT(
        ErrorAfter([&](Json& json) { json["stages"][0]["name"] = name; }),
        HasSubstr("stages[0].name must be"))
        << name;
  }
  EXPECT_THAT(ErrorAfter([](Json& json) { json["name"] = ""; }),
              HasSubstr("cascade.json: name must not be empty"));
}

TEST_F(CascadeManifestTest, ClassNamesAreToldApart) {
  EXPECT_THAT(ErrorAfter([](Json& json) { json["class_names"][1] = "black"; }),
              HasSubstr("class_names[1] (\"black\") appears twice"));
  EXPECT_THAT(ErrorAfter([](Json& json) { json["class_names"][1] = ""; }),
              HasSubstr("class_names[1] must not be empty"));
  // Names that no stage would listen to.
  EXPECT_THAT(ErrorAfter([](Json& json) {
                for (Json& stage : json["stages"]) {
                  stage["network"]["num_classes"] = 0;
                  stage["network"]["null_class"] = false;
                }
              }),
              HasSubstr("class_names must be empty"));
}

TEST_F(CascadeManifestTest, RefusesRepeatedKeysAndDepth) {
  std::string text = json_.dump();
  text.insert(1, R"("name": "dashes", )");
  std::ofstream(folder_ + "/cascade.json") << text;
  EXPECT_THAT(std::string(ReadManifest(folder_).status().message()),
              HasSubstr("cascade.json: name appears twice"));
  std::ofstream(folder_ + "/cascade.json")
      << R"({"format": )" << std::string(1'000'000, '[')
      << std::string(1'000'000, ']') << "}";
  EXPECT_THAT(std::string(ReadManifest(folder_).status().message()),
              HasSubstr("nested"));
}

TEST_F(CascadeManifestTest, RefusesToWriteWhatIsNoText) {
  CascadeManifest manifest = *ReadManifest(folder_);
  manifest.description = std::string(1, '\xff');
  EXPECT_EQ(WriteManifest(folder_, manifest).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(ReadManifest(folder_).ok());
}

TEST_F(CascadeManifestTest, ComparesDigests) {
  const StageManifest stage = Stage("8x8", 8, 0);
  const std::string path = folder_ + "/8x8.safetensors";
  EXPECT_EQ(ReadStageWeights(folder_, stage).status().code(),
            absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteSafetensors(path, {}).ok());
  const auto weights = ReadStageWeights(folder_, stage);
  EXPECT_EQ(weights.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(weights.status().message()),
              HasSubstr("8x8.safetensors: its SHA-256 is"));
  StageManifest right = stage;
  right.spec.weights_sha256 = Sha256Hex(*ReadWholeFile(path));
  EXPECT_TRUE(ReadStageWeights(folder_, right).ok());
}

TEST_F(CascadeManifestTest, RefusesTextThatIsNoJson) {
  std::ofstream(folder_ + "/cascade.json") << "{\"format\": ";
  EXPECT_THAT(std::string(ReadManifest(folder_).status().message()),
              HasSubstr("cascade.json: not JSON"));
  EXPECT_EQ(ReadManifest("/nowhere").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace cascade
