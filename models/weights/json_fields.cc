#include "models/weights/json_fields.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/weights/safetensors.h"
#include "models/weights/strict_json.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

const JsonFields::Json& EmptyObject() {
  static const auto* const kEmpty =
      new JsonFields::Json(JsonFields::Json::object());
  return *kEmpty;
}

std::string Shortened(const JsonFields::Json& json) {
  std::string text =
      json.dump(-1, ' ', false, JsonFields::Json::error_handler_t::replace);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

}  // namespace

JsonFields::JsonFields(const Json& json, std::string file, std::string path)
    : json_(&json), file_(std::move(file)), path_(std::move(path)) {
  if (!json.is_object()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(file_, ": ", path_.empty() ? "the document" : path_,
                     " must be an object, is ", Shortened(json)));
    json_ = &EmptyObject();
  }
}

std::string JsonFields::PathOf(absl::string_view key) const {
  return path_.empty() ? std::string(key)
                       : absl::StrCat(path_, ".", std::string(key));
}

void JsonFields::Fail(absl::string_view key, absl::string_view problem) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(file_, ": ", PathOf(key), " ", std::string(problem)));
  }
}

void JsonFields::Merge(const absl::Status& status) { status_.Update(status); }

bool JsonFields::Has(absl::string_view key) const {
  return json_->find(std::string(key)) != json_->end();
}

const JsonFields::Json* JsonFields::Find(absl::string_view key) {
  read_.emplace(key);
  const auto found = json_->find(std::string(key));
  return found == json_->end() ? nullptr : &*found;
}

const JsonFields::Json* JsonFields::Require(absl::string_view key) {
  const Json* json = Find(key);
  if (json == nullptr) Fail(key, "is missing");
  return json;
}

bool JsonFields::ReadInt(const Json& json, absl::string_view key, int* value,
                         int low, int high) {
  const bool is_int64 =
      json.is_number_integer() &&
      (!json.is_number_unsigned() || json.get<uint64_t>() <= INT64_MAX);
  if (!is_int64 || json.get<int64_t>() < low || json.get<int64_t>() > high) {
    Fail(key, absl::StrCat("must be an integer in ", low, "..", high, ", is ",
                           Shortened(json)));
    return false;
  }
  *value = json.get<int>();
  return true;
}

bool JsonFields::ReadDouble(const Json& json, absl::string_view key,
                            double* value, double low, double high) {
  // Written so that it holds for no NaN.
  if (!json.is_number() ||
      !(json.get<double>() >= low && json.get<double>() <= high)) {
    Fail(key, absl::StrCat("must be a number in ", low, "..", high, ", is ",
                           Shortened(json)));
    return false;
  }
  *value = json.get<double>();
  return true;
}

bool JsonFields::ReadString(const Json& json, absl::string_view key,
                            std::string* value) {
  if (!json.is_string()) {
    Fail(key, absl::StrCat("must be a string, is ", Shortened(json)));
    return false;
  }
  *value = json.get<std::string>();
  return true;
}

void JsonFields::Int(absl::string_view key, int* value, int low, int high) {
  if (const Json* json = Find(key)) ReadInt(*json, key, value, low, high);
}

void JsonFields::RequiredInt(absl::string_view key, int* value, int low,
                             int high) {
  if (const Json* json = Require(key)) ReadInt(*json, key, value, low, high);
}

void JsonFields::Uint64(absl::string_view key, uint64_t* value) {
  const Json* json = Find(key);
  if (json == nullptr) return;
  if (!json->is_number_unsigned()) {
    Fail(key, absl::StrCat("must be a natural number, is ", Shortened(*json)));
    return;
  }
  *value = json->get<uint64_t>();
}

void JsonFields::Double(absl::string_view key, double* value, double low,
                        double high) {
  if (const Json* json = Find(key)) ReadDouble(*json, key, value, low, high);
}

void JsonFields::Bool(absl::string_view key, bool* value) {
  const Json* json = Find(key);
  if (json == nullptr) return;
  if (!json->is_boolean()) {
    Fail(key, absl::StrCat("must be true or false, is ", Shortened(*json)));
    return;
  }
  *value = json->get<bool>();
}

void JsonFields::String(absl::string_view key, std::string* value) {
  if (const Json* json = Find(key)) ReadString(*json, key, value);
}

void JsonFields::RequiredString(absl::string_view key, std::string* value) {
  if (const Json* json = Require(key)) ReadString(*json, key, value);
}

void JsonFields::Ints(absl::string_view key, std::vector<int>* values, int low,
                      int high) {
  const Json* json = Find(key);
  if (json == nullptr) return;
  if (!json->is_array()) return Fail(key, "must be a list of integers");
  values->clear();
  for (const Json& element : *json) {
    int value = 0;
    if (!ReadInt(element, key, &value, low, high)) return;
    values->push_back(value);
  }
}

void JsonFields::Doubles(absl::string_view key, std::vector<double>* values,
                         double low, double high) {
  const Json* json = Find(key);
  if (json == nullptr) return;
  if (!json->is_array()) return Fail(key, "must be a list of numbers");
  values->clear();
  for (const Json& element : *json) {
    double value = 0;
    if (!ReadDouble(element, key, &value, low, high)) return;
    values->push_back(value);
  }
}

void JsonFields::Strings(absl::string_view key,
                         std::vector<std::string>* values) {
  const Json* json = Find(key);
  if (json == nullptr) return;
  if (!json->is_array()) return Fail(key, "must be a list of strings");
  values->clear();
  for (const Json& element : *json) {
    std::string value;
    if (!ReadString(element, key, &value)) return;
    values->push_back(std::move(value));
  }
}

int JsonFields::ChoiceIndex(absl::string_view key,
                            const std::vector<std::string>& names) {
  std::string value;
  const Json* json = Find(key);
  if (json == nullptr || !ReadString(*json, key, &value)) return -1;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == value) return static_cast<int>(i);
  }
  Fail(key, absl::StrCat("must be one of ", absl::StrJoin(names, ", "), ", is ",
                         Shortened(*json)));
  return -1;
}

JsonFields JsonFields::Object(absl::string_view key, bool required) {
  const Json* json = required ? Require(key) : Find(key);
  return JsonFields(json == nullptr ? EmptyObject() : *json, file_,
                    PathOf(key));
}

std::vector<JsonFields> JsonFields::Objects(absl::string_view key) {
  std::vector<JsonFields> objects;
  const Json* json = Require(key);
  if (json == nullptr) return objects;
  if (!json->is_array()) {
    Fail(key, absl::StrCat("must be a list, is ", Shortened(*json)));
    return objects;
  }
  for (size_t i = 0; i < json->size(); ++i) {
    objects.emplace_back((*json)[i], file_,
                         absl::StrCat(PathOf(key), "[", i, "]"));
  }
  return objects;
}

absl::Status JsonFields::Finish() {
  for (const auto& [key, value] : json_->items()) {
    if (!read_.contains(key)) {
      Fail(key,
           absl::StrCat("is unknown (its value is ", Shortened(value), ")"));
    }
  }
  return status_;
}

absl::StatusOr<nlohmann::ordered_json> ParseJson(
    std::span<const std::byte> bytes, const std::string& file) {
  absl::StatusOr<nlohmann::ordered_json> json =
      ParseStrictJson<nlohmann::ordered_json>(
          {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
          /*allow_comments=*/true);
  if (!json.ok()) {
    return absl::Status(json.status().code(),
                        absl::StrCat(file, ": ", json.status().message()));
  }
  return json;
}

absl::StatusOr<nlohmann::ordered_json> ReadJsonFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, ReadWholeFile(path));
  return ParseJson(bytes, path);
}

}  // namespace cascade
