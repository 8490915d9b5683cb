#include "models/weights/cascade_manifest.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "models/sampling/sampler_check.h"
#include "models/sampling/sampler_table.h"
#include "models/sha256.h"
#include "models/truncation.h"
#include "models/weights/spec_json.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;

// Fills what the network's shape takes from the rest of the stage.
void DeriveNetwork(StageManifest* stage) {
  const StageSpec& spec = stage->spec;
  UNetConfig& network = stage->network;
  network.image_channels = spec.channels;
  network.out_channels =
      spec.channels *
      (spec.diffusion.variance == VarianceKind::kLearnedRange ? 2 : 1);
  network.super_resolution = spec.low_resolution > 0;
  network.augmentation_embedding = spec.augmentation.enabled;
}

void CheckStage(const StageManifest& stage, JsonFields* fields) {
  const StageSpec& spec = stage.spec;
  if (spec.channels == 2) fields->Fail("channels", "must be 1 or 3, is 2");
  if (spec.low_resolution >= spec.resolution) {
    fields->Fail("low_resolution",
                 absl::StrCat("must be below resolution (", spec.resolution,
                              "), is ", spec.low_resolution));
  }
  if (spec.augmentation.enabled && spec.low_resolution == 0) {
    fields->Fail("conditioning_augmentation", "needs a low_resolution");
  }
  if (stage.blur.share > 0 && spec.low_resolution == 0) {
    fields->Fail("conditioning_blur", "needs a low_resolution");
  }
  // Its border is mirrored.
  if (stage.blur.share > 0 && spec.low_resolution == 1) {
    fields->Fail("low_resolution",
                 "must be 2 or more with conditioning_blur, is 1");
  }
  if (stage.blur.share > 0 && spec.augmentation.enabled) {
    fields->Fail("conditioning_blur",
                 "cannot stand beside conditioning_augmentation");
  }
  if (spec.default_sampler.guidance.scale != 1 && !stage.network.null_class) {
    fields->Fail("sampler.guidance_scale",
                 absl::StrCat("must be 1 without network.null_class, is ",
                              spec.default_sampler.guidance.scale));
  }
  const absl::Status sampler =
      CheckSampler(spec.diffusion, spec.default_sampler);
  if (!sampler.ok()) {
    fields->Fail(absl::StrCat("sampler.", sampler.message()), "");
  }
  const absl::Status network = stage.network.Validate();
  if (!network.ok()) {
    fields->Fail(absl::StrCat("network.", network.message()), "");
    return;
  }
  const int deepest = 1 << (stage.network.channel_mult.size() - 1);
  if (spec.resolution % deepest != 0) {
    fields->Fail("network.channel_mult",
                 absl::StrCat("has ", stage.network.channel_mult.size(),
                              " levels, which resolution ", spec.resolution,
                              " cannot be halved to"));
  }
}

// Names of stages become names of files, metrics and options.
bool IsStageName(const std::string& name) {
  constexpr size_t kMaxLength = 64;
  return !name.empty() && name.size() <= kMaxLength &&
         absl::ascii_isalnum(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

// A package must not reach out of its folder.
bool IsPlainFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

void ReadBlur(JsonFields fields, ConditioningBlur* blur, JsonFields* parent) {
  blur->share = 0.5;
  fields.Double("share", &blur->share, 0, 1);
  std::vector<double> sigma = {blur->min_sigma, blur->max_sigma};
  fields.Doubles("sigma", &sigma, 0.05, 10);
  if (sigma.size() != 2 || sigma[0] > sigma[1]) {
    fields.Fail("sigma", "must be [smallest, largest]");
  } else {
    blur->min_sigma = sigma[0];
    blur->max_sigma = sigma[1];
  }
  parent->Merge(fields.Finish());
}

void ReadWeightsEntry(JsonFields fields, StageManifest* stage,
                      JsonFields* parent) {
  fields.RequiredString("file", &stage->weights_file);
  fields.RequiredString("sha256", &stage->spec.weights_sha256);
  if (!IsPlainFileName(stage->weights_file)) {
    fields.Fail("file", absl::StrCat("must be a name in the package's folder, "
                                     "is \"",
                                     stage->weights_file, "\""));
  }
  CheckDigest(stage->spec.weights_sha256, "sha256", &fields);
  parent->Merge(fields.Finish());
}

absl::Status ReadStageFields(JsonFields fields, bool with_weights,
                             StageManifest* stage) {
  StageSpec& spec = stage->spec;
  fields.RequiredString("name", &spec.name);
  if (!IsStageName(spec.name)) {
    fields.Fail("name",
                absl::StrCat("must be 1..64 letters, digits, '.', '_' and '-', "
                             "the first a letter or digit, is \"",
                             spec.name, "\""));
  }
  fields.RequiredInt("resolution", &spec.resolution, 4, 4096);
  fields.Int("low_resolution", &spec.low_resolution, 1, 4096);
  fields.RequiredInt("channels", &spec.channels, 1, 3);
  fields.Merge(ReadNetwork(fields.Object("network", true), &stage->network));
  spec.num_classes = stage->network.num_classes;
  spec.has_null_class = stage->network.null_class;
  fields.Merge(
      ReadDiffusion(fields.Object("diffusion", true), &spec.diffusion));
  if (fields.Has("conditioning_augmentation")) {
    fields.Merge(ReadAugmentation(
        fields.Object("conditioning_augmentation", true), &spec.augmentation));
  }
  if (fields.Has("conditioning_blur")) {
    ReadBlur(fields.Object("conditioning_blur", true), &stage->blur, &fields);
  }
  fields.Choice("low_resolution_upsampling", &spec.upsampling,
                UpsamplingNames());
  fields.Choice("handover", &spec.handover, HandoverNames());
  if (spec.handover != Handover::kFloat && spec.low_resolution == 0) {
    fields.Fail("handover", "needs a low_resolution");
  }
  fields.Merge(ReadSampler(fields.Object("sampler", true), spec.diffusion,
                           &spec.default_sampler));
  fields.Choice("precision", &spec.precision, PrecisionNames());
  if (fields.Has("bf16_distance")) {
    fields.Double("bf16_distance", &spec.bf16_distance.emplace(), 0, 255);
  }
  if (with_weights) {
    ReadWeightsEntry(fields.Object("weights", true), stage, &fields);
    if (fields.Has("imported_from")) {
      fields.Merge(ReadStageSource(fields.Object("imported_from", true),
                                   &stage->source.emplace()));
    }
  }
  DeriveNetwork(stage);
  CheckStage(*stage, &fields);
  return fields.Finish();
}

Json WriteStage(const StageManifest& stage, bool with_weights) {
  const StageSpec& spec = stage.spec;
  Json json = {{"name", spec.name}, {"resolution", spec.resolution}};
  if (spec.low_resolution > 0) {
    json["low_resolution"] = spec.low_resolution;
    json["low_resolution_upsampling"] =
        UpsamplingNames()[static_cast<size_t>(spec.upsampling)];
    json["handover"] = HandoverNames()[static_cast<size_t>(spec.handover)];
  }
  json["channels"] = spec.channels;
  json["network"] = WriteNetwork(stage.network);
  json["diffusion"] = WriteDiffusion(spec.diffusion);
  if (spec.augmentation.enabled) {
    json["conditioning_augmentation"] = WriteAugmentation(spec.augmentation);
  }
  if (stage.blur.share > 0) {
    json["conditioning_blur"] = {
        {"share", stage.blur.share},
        {"sigma", {stage.blur.min_sigma, stage.blur.max_sigma}}};
  }
  json["sampler"] = WriteSampler(spec.default_sampler);
  if (spec.precision != Precision::kAuto) {
    json["precision"] = PrecisionName(spec.precision);
  }
  if (spec.bf16_distance) json["bf16_distance"] = *spec.bf16_distance;
  if (with_weights) {
    json["weights"] = {{"file", stage.weights_file},
                       {"sha256", spec.weights_sha256}};
    if (stage.source) json["imported_from"] = WriteStageSource(*stage.source);
  }
  return json;
}

// Whether the defaults of the two stages run one after the other where `upper`
// truncates by default.
absl::Status CheckDefaults(const StageSpec& lower, const StageSpec& upper) {
  const AugmentationSpec& augmentation = upper.augmentation;
  if (augmentation.default_mode != AugmentationMode::kTruncated) {
    return absl::OkStatus();
  }
  const absl::Status possible =
      CheckTruncation(lower, lower.default_sampler, upper);
  if (!possible.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("conditioning_augmentation.mode must not be truncated: ",
                     possible.message()));
  }
  const absl::Status compiled =
      CompileSampler(lower.diffusion, lower.default_sampler,
                     TruncationTimestep(upper, augmentation.default_level))
          .status();
  if (compiled.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("conditioning_augmentation.default_level must leave stage ",
                   lower.name, " something to do, is ",
                   augmentation.default_level, ": ", compiled.message()));
}

// What stages must have in common, and how they follow one another.
absl::Status CheckSequence(const CascadeManifest& manifest,
                           const std::string& file) {
  const auto error = [&](size_t index, const std::string& problem) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": stages[", index, "].", problem));
  };
  if (manifest.stages.empty() || manifest.stages.size() > 16) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": stages must have 1..16 entries, has ",
                     manifest.stages.size()));
  }
  std::set<std::string> names;
  const auto classes = static_cast<int>(manifest.class_names.size());
  for (size_t i = 0; i < manifest.stages.size(); ++i) {
    const StageSpec& spec = manifest.stages[i].spec;
    if (!names.insert(spec.name).second) {
      return error(i, absl::StrCat("name ", spec.name, " appears twice"));
    }
    if (spec.num_classes != 0 && spec.num_classes != classes) {
      return error(i, absl::StrCat("network.num_classes must be 0 or the "
                                   "number of class_names (",
                                   classes, "), is ", spec.num_classes));
    }
    const int expected = i == 0 ? 0 : manifest.stages[i - 1].spec.resolution;
    if (spec.low_resolution != expected) {
      return error(i,
                   absl::StrCat("low_resolution must be ",
                                i == 0 ? "absent in the first stage"
                                       : "the stage before's resolution",
                                i == 0 ? "" : absl::StrCat(" (", expected, ")"),
                                ", is ", spec.low_resolution));
    }
    if (i > 0) {
      const absl::Status run = CheckDefaults(manifest.stages[i - 1].spec, spec);
      if (!run.ok()) return error(i, std::string(run.message()));
    }
    if (spec.channels != manifest.stages[0].spec.channels) {
      return error(i, absl::StrCat("channels must be those of stages[0] (",
                                   manifest.stages[0].spec.channels, "), are ",
                                   spec.channels));
    }
  }
  return absl::OkStatus();
}

// A client asks for a class by its number or by its name.
absl::Status CheckClassNames(const CascadeManifest& manifest,
                             const std::string& file) {
  std::set<std::string> names;
  for (size_t i = 0; i < manifest.class_names.size(); ++i) {
    const std::string& name = manifest.class_names[i];
    if (name.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ": class_names[", i, "] must not be empty"));
    }
    if (!names.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          file, ": class_names[", i, "] (\"", name, "\") appears twice"));
    }
  }
  const bool conditional = std::any_of(
      manifest.stages.begin(), manifest.stages.end(),
      [](const StageManifest& stage) { return stage.spec.num_classes > 0; });
  if (!conditional && !names.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file, ": class_names must be empty where no stage has classes, has ",
        names.size(), " entries"));
  }
  return absl::OkStatus();
}

std::string InFolder(const std::string& folder, const std::string& file) {
  return (std::filesystem::path(folder) / file).string();
}

}  // namespace

absl::StatusOr<CascadeManifest> ReadManifest(const std::string& folder) {
  const std::string file = InFolder(folder, kManifestFile);
  ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, ReadWholeFile(file));
  ASSIGN_OR_RETURN(const Json json, ParseJson(bytes, file));
  CascadeManifest manifest;
  manifest.digest = Sha256Hex(bytes);
  JsonFields fields(json, file, "");
  int format = 0;
  fields.RequiredInt("format", &format, kFormat, kFormat);
  fields.RequiredString("name", &manifest.name);
  if (manifest.name.empty()) fields.Fail("name", "must not be empty");
  fields.String("description", &manifest.description);
  fields.Strings("class_names", &manifest.class_names);
  for (JsonFields& stage_fields : fields.Objects("stages")) {
    StageManifest stage;
    stage.spec.index = static_cast<int>(manifest.stages.size());
    fields.Merge(ReadStageFields(std::move(stage_fields), true, &stage));
    manifest.stages.push_back(std::move(stage));
  }
  RETURN_IF_ERROR(fields.Finish());
  RETURN_IF_ERROR(CheckManifest(manifest, file));
  return manifest;
}

absl::Status CheckManifest(const CascadeManifest& manifest,
                           const std::string& file) {
  RETURN_IF_ERROR(CheckSequence(manifest, file));
  return CheckClassNames(manifest, file);
}

absl::Status WriteManifest(const std::string& folder,
                           const CascadeManifest& manifest) {
  Json stages = Json::array();
  for (const StageManifest& stage : manifest.stages) {
    stages.push_back(WriteStage(stage, true));
  }
  const Json json = {{"format", kFormat},
                     {"name", manifest.name},
                     {"description", manifest.description},
                     {"class_names", manifest.class_names},
                     {"stages", stages}};
  const std::string file = InFolder(folder, kManifestFile);
  std::string text;
  try {
    text = absl::StrCat(json.dump(2), "\n");
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", file, ": ", error.what()));
  }
  const std::span<const std::byte> piece = std::as_bytes(std::span(text));
  return WriteFileAtomically(file, {&piece, 1});
}

absl::StatusOr<SafetensorsFile> ReadStageWeights(const std::string& folder,
                                                 const StageManifest& stage) {
  const std::string path = InFolder(folder, stage.weights_file);
  ASSIGN_OR_RETURN(std::vector<std::byte> bytes, ReadWholeFile(path));
  // A truncated file has a wrong digest, too; what its header says about it is
  // the better message.
  absl::StatusOr<SafetensorsFile> file =
      SafetensorsFile::Parse(std::move(bytes), path);
  RETURN_IF_ERROR(file.status());
  const std::string digest = Sha256Hex(file->contents());
  if (digest != stage.spec.weights_sha256) {
    return absl::DataLossError(absl::StrCat(path, ": its SHA-256 is ", digest,
                                            ", ", kManifestFile, " says ",
                                            stage.spec.weights_sha256));
  }
  return file;
}

absl::Status ReadStage(JsonFields fields, StageManifest* stage) {
  return ReadStageFields(std::move(fields), false, stage);
}

absl::StatusOr<StageManifest> ParseStage(const std::string& json,
                                         const std::string& file) {
  ASSIGN_OR_RETURN(const Json parsed,
                   ParseJson(std::as_bytes(std::span(json)), file));
  StageManifest stage;
  RETURN_IF_ERROR(ReadStage(JsonFields(parsed, file, "stage"), &stage));
  return stage;
}

std::string StageText(const StageManifest& stage) {
  return WriteStage(stage, false).dump();
}

}  // namespace cascade
