#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cascade {

// Reads a JSON object field by field, and remembers the first thing that is
// wrong with it, by file, JSON path and value:
//
//   JsonFields fields(json, "cascade.json", "stages[1]");
//   int size = 0;
//   fields.Int("resolution", &size, 1, 4096);
//   RETURN_IF_ERROR(fields.Finish());  // Refuses the keys nobody read, too.
//
// A reader with a default leaves *value alone when the key is absent; the
// Required... functions record an error.
class JsonFields {
 public:
  using Json = nlohmann::ordered_json;

  // `json` must outlive the reader; anything but an object is an error.
  JsonFields(const Json& json, std::string file, std::string path);

  bool Has(absl::string_view key) const;

  void Int(absl::string_view key, int* value, int low, int high);
  void RequiredInt(absl::string_view key, int* value, int low, int high);
  void Uint64(absl::string_view key, uint64_t* value);
  void Double(absl::string_view key, double* value, double low, double high);
  void Bool(absl::string_view key, bool* value);
  void String(absl::string_view key, std::string* value);
  void RequiredString(absl::string_view key, std::string* value);
  void Ints(absl::string_view key, std::vector<int>* values, int low, int high);
  void Doubles(absl::string_view key, std::vector<double>* values, double low,
               double high);
  void Strings(absl::string_view key, std::vector<std::string>* values);

  // One of `names`, by its index.
  template <typename Enum>
  void Choice(absl::string_view key, Enum* value,
              const std::vector<std::string>& names) {
    const int index = ChoiceIndex(key, names);
    if (index >= 0) *value = static_cast<Enum>(index);
  }

  // The object under `key`; an empty one, and an error if `required`, when it
  // is absent. Report its errors with Merge().
  JsonFields Object(absl::string_view key, bool required);
  // The objects in the list under `key`.
  std::vector<JsonFields> Objects(absl::string_view key);
  void Merge(const absl::Status& status);

  // Records an error about `key` unless there is one already.
  void Fail(absl::string_view key, absl::string_view problem);

  // The first error, or one about a key that was never read.
  absl::Status Finish();

 private:
  const Json* Find(absl::string_view key);
  const Json* Require(absl::string_view key);
  std::string PathOf(absl::string_view key) const;
  int ChoiceIndex(absl::string_view key, const std::vector<std::string>& names);
  bool ReadInt(const Json& json, absl::string_view key, int* value, int low,
               int high);
  bool ReadDouble(const Json& json, absl::string_view key, double* value,
                  double low, double high);
  bool ReadString(const Json& json, absl::string_view key, std::string* value);

  const Json* json_;
  std::string file_;
  std::string path_;
  std::set<std::string, std::less<>> read_;
  absl::Status status_;
};

// Parses JSON strictly (see ParseStrictJson()), but with `//` comments.
// INVALID_ARGUMENT with the file and the place of the error.
absl::StatusOr<nlohmann::ordered_json> ParseJson(
    std::span<const std::byte> bytes, const std::string& file);
absl::StatusOr<nlohmann::ordered_json> ReadJsonFile(const std::string& path);

}  // namespace cascade
