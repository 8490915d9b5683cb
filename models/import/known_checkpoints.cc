#include "models/import/known_checkpoints.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

constexpr char kGuidedDiffusion[] = "openai/guided-diffusion";
constexpr char kImprovedDiffusion[] = "openai/improved-diffusion";
constexpr char kConsistencyModels[] = "openai/consistency_models";
constexpr int kImageNetClasses = 1000;

// What the checkpoints of a repository have in common.
StageManifest Stage(int resolution, int low_resolution, int num_classes) {
  StageManifest stage;
  StageSpec& spec = stage.spec;
  spec.name = absl::StrCat(resolution, "x", resolution);
  spec.resolution = resolution;
  spec.low_resolution = low_resolution;
  spec.channels = 3;
  spec.num_classes = num_classes;
  stage.network.num_classes = num_classes;
  stage.network.super_resolution = low_resolution > 0;
  // Their scripts hand images over in files of bytes, cut off.
  if (low_resolution > 0) spec.handover = Handover::kUint8Truncated;
  return stage;
}

void SetAttention(AttentionLayout layout, KnownCheckpoint* known) {
  known->attention = layout;
  known->stage.network.attention_order = OrderOf(layout);
}

// The authors' attention_resolutions, which are those of the image, as factors.
std::vector<int> Downsampling(int resolution, std::vector<int> attended) {
  for (int& size : attended) size = resolution / size;
  return attended;
}

// Those of the first two predict eps and learn a variance range, and were
// sampled ancestrally with 250 respaced steps.
void SetDiffusion(ScheduleKind schedule, int num_timesteps,
                  KnownCheckpoint* known) {
  StageSpec& spec = known->stage.spec;
  spec.diffusion = {.num_timesteps = num_timesteps,
                    .schedule = schedule,
                    .prediction = PredictionType::kEpsilon,
                    .variance = VarianceKind::kLearnedRange};
  spec.default_sampler.kind = SamplerKind::kDdpm;
  spec.default_sampler.num_steps = 250;
  known->stage.network.out_channels = 6;
}

// What its script_util.py makes of the image's size.
std::vector<double> GuidedChannelMult(const StageSpec& spec) {
  if (spec.resolution == 64) return {1, 2, 3, 4};
  if (spec.resolution == 128) return {1, 1, 2, 3, 4};
  if (spec.resolution == 512 && spec.low_resolution == 0) {
    return {0.5, 1, 1, 2, 2, 4, 4};
  }
  return {1, 1, 2, 2, 4, 4};
}

// The flags in the README of openai/guided-diffusion. `num_heads` 0: heads of
// 64 channels.
KnownCheckpoint Guided(const char* name, const char* description,
                       StageManifest stage, int model_channels,
                       int num_res_blocks, int num_heads,
                       std::vector<int> attended) {
  KnownCheckpoint known{.name = name,
                        .origin = kGuidedDiffusion,
                        .description = description,
                        .stage = std::move(stage)};
  UNetConfig& network = known.stage.network;
  const int resolution = known.stage.spec.resolution;
  network.model_channels = model_channels;
  network.num_res_blocks = num_res_blocks;
  network.num_heads = num_heads > 0 ? num_heads : 4;
  network.num_head_channels = num_heads > 0 ? 0 : 64;
  network.attention_downsampling =
      Downsampling(resolution, std::move(attended));
  network.channel_mult = GuidedChannelMult(known.stage.spec);
  SetAttention(AttentionLayout::kLegacy, &known);
  SetDiffusion(ScheduleKind::kLinear, 1000, &known);
  return known;
}

// The same files of openai/improved-diffusion.
KnownCheckpoint Improved(const char* name, const char* description,
                         StageManifest stage, int num_res_blocks,
                         std::vector<double> channel_mult,
                         ScheduleKind schedule) {
  KnownCheckpoint known{.name = name,
                        .origin = kImprovedDiffusion,
                        .description = description,
                        .stage = std::move(stage)};
  UNetConfig& network = known.stage.network;
  network.model_channels = 192;
  network.num_res_blocks = num_res_blocks;
  network.num_heads = 4;
  network.channel_mult = std::move(channel_mult);
  network.attention_downsampling =
      Downsampling(known.stage.spec.resolution, {16, 8});
  network.resblock_updown = false;
  network.conv_resample = true;
  SetAttention(AttentionLayout::kLegacy, &known);
  SetDiffusion(schedule, 4000, &known);
  return known;
}

// The flags in scripts/launch.sh of openai/consistency_models: one network, the
// defaults of KarrasSpec.
KnownCheckpoint Consistency(const char* name, const char* description,
                            PredictionType prediction, int num_timesteps,
                            SamplerOptions sampler) {
  KnownCheckpoint known;
  known.name = name;
  known.origin = kConsistencyModels;
  known.description = description;
  known.stage = Stage(64, 0, kImageNetClasses);
  StageSpec& spec = known.stage.spec;
  spec.diffusion.schedule = ScheduleKind::kKarras;
  spec.diffusion.prediction = prediction;
  spec.diffusion.num_timesteps = num_timesteps;
  spec.default_sampler = std::move(sampler);
  UNetConfig& network = known.stage.network;
  network.model_channels = 192;
  network.num_res_blocks = 3;
  network.num_head_channels = 64;
  network.channel_mult = {1, 2, 3, 4};
  network.attention_downsampling = Downsampling(64, {32, 16, 8});
  SetAttention(AttentionLayout::kNewConv2d, &known);
  return known;
}

// Two steps, at the points where its authors found them best.
SamplerOptions ConsistencySteps(std::vector<int> grid_points) {
  SamplerOptions options;
  options.kind = SamplerKind::kConsistency;
  options.num_steps = static_cast<int>(grid_points.size());
  options.grid_points = std::move(grid_points);
  return options;
}

std::vector<KnownCheckpoint> MakeKnownCheckpoints() {
  std::vector<KnownCheckpoint> all;
  all.push_back(Guided("64x64_diffusion", "ImageNet 64x64, class-conditional",
                       Stage(64, 0, kImageNetClasses), 192, 3, 0, {32, 16, 8}));
  SetAttention(AttentionLayout::kNew, &all.back());
  SetDiffusion(ScheduleKind::kCosine, 1000, &all.back());
  all.push_back(
      Guided("128x128_diffusion", "ImageNet 128x128, class-conditional",
             Stage(128, 0, kImageNetClasses), 256, 2, 4, {32, 16, 8}));
  all.push_back(
      Guided("256x256_diffusion", "ImageNet 256x256, class-conditional",
             Stage(256, 0, kImageNetClasses), 256, 2, 0, {32, 16, 8}));
  all.push_back(Guided("256x256_diffusion_uncond",
                       "ImageNet 256x256, unconditional", Stage(256, 0, 0), 256,
                       2, 0, {32, 16, 8}));
  all.push_back(
      Guided("512x512_diffusion", "ImageNet 512x512, class-conditional",
             Stage(512, 0, kImageNetClasses), 256, 2, 0, {32, 16, 8}));
  all.push_back(Guided("64_256_upsampler", "ImageNet 64x64 to 256x256",
                       Stage(256, 64, kImageNetClasses), 192, 2, 4,
                       {32, 16, 8}));
  all.push_back(Guided("128_512_upsampler", "ImageNet 128x128 to 512x512",
                       Stage(512, 128, kImageNetClasses), 192, 2, 0, {32, 16}));
  for (const char* name :
       {"lsun_bedroom", "lsun_cat", "lsun_horse", "lsun_horse_nodropout"}) {
    all.push_back(Guided(name, "LSUN 256x256, unconditional", Stage(256, 0, 0),
                         256, 2, 0, {32, 16, 8}));
    all.back().stage.spec.default_sampler.num_steps = 1000;
  }
  all.push_back(Improved(
      "imagenet64_cond_270M_250K", "ImageNet 64x64, class-conditional",
      Stage(64, 0, kImageNetClasses), 3, {1, 2, 3, 4}, ScheduleKind::kCosine));
  all.push_back(Improved("upsample_cond_500K", "ImageNet 64x64 to 256x256",
                         Stage(256, 64, kImageNetClasses), 2,
                         {1, 1, 2, 2, 4, 4}, ScheduleKind::kLinear));
  SamplerOptions heun;
  heun.kind = SamplerKind::kHeun;
  heun.num_steps = 40;
  all.push_back(Consistency("edm_imagenet64_ema",
                            "ImageNet 64x64, class-conditional, EDM",
                            PredictionType::kEdm, 1000, heun));
  for (const char* name : {"cd_imagenet64_l2", "cd_imagenet64_lpips"}) {
    all.push_back(Consistency(
        name, "ImageNet 64x64, class-conditional, distilled: 1 or 2 steps",
        PredictionType::kConsistency, 40, ConsistencySteps({0, 22})));
  }
  all.push_back(Consistency(
      "ct_imagenet64", "ImageNet 64x64, class-conditional: 1 or 2 steps",
      PredictionType::kConsistency, 201, ConsistencySteps({0, 106})));
  return all;
}

}  // namespace

const std::vector<KnownCheckpoint>& KnownCheckpoints() {
  static const auto* const kAll =
      new std::vector<KnownCheckpoint>(MakeKnownCheckpoints());
  return *kAll;
}

const KnownCheckpoint* FindKnownCheckpoint(const std::string& name) {
  for (const KnownCheckpoint& known : KnownCheckpoints()) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

}  // namespace cascade
