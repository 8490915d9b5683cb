#include "models/weights/stage_source.h"

#include "absl/strings/str_cat.h"

namespace cascade {

void CheckDigest(const std::string& digest, absl::string_view key,
                 JsonFields* fields) {
  if (digest.size() == 64 &&
      digest.find_first_not_of("0123456789abcdef") == std::string::npos) {
    return;
  }
  fields->Fail(key, absl::StrCat("must be 64 lower-case hexadecimal digits, "
                                 "is \"",
                                 digest, "\""));
}

absl::Status ReadStageSource(JsonFields fields, StageSource* source) {
  fields.RequiredString("checkpoint", &source->checkpoint);
  fields.RequiredString("file", &source->file);
  fields.RequiredString("sha256", &source->sha256);
  CheckDigest(source->sha256, "sha256", &fields);
  fields.RequiredString("attention_layout", &source->attention_layout);
  return fields.Finish();
}

nlohmann::ordered_json WriteStageSource(const StageSource& source) {
  return {{"checkpoint", source.checkpoint},
          {"file", source.file},
          {"sha256", source.sha256},
          {"attention_layout", source.attention_layout}};
}

}  // namespace cascade
