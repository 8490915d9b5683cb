#include "server/config_file.h"

#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/weights/json_fields.h"
#include "server/base/cascade_name.h"
#include "server/base/status_macros.h"
#include "server/config_setting.h"

namespace cascade {
namespace {

constexpr int kMaxInt = std::numeric_limits<int>::max();

// A key of the file, and what is wrong with its value.
void FailIf(const std::string& problem, const std::string& key,
            JsonFields& fields) {
  if (!problem.empty()) fields.Fail(key, problem);
}

void ReadSetting(const ConfigSetting& setting, JsonFields& fields,
                 Options& options) {
  if (!fields.Has(setting.name)) return;
  std::string text;
  if (setting.is_number) {
    int value = 0;
    fields.Int(setting.name, &value, std::numeric_limits<int>::min(), kMaxInt);
    text = absl::StrCat(value);
  } else {
    fields.String(setting.name, &text);
  }
  // After another error this one is not the first, and not told.
  FailIf(setting.set(text, options), setting.name, fields);
}

void ReadOptionalInt(const char* key, int max, JsonFields& fields,
                     std::optional<int>* value) {
  if (!fields.Has(key)) return;
  int number = 0;
  fields.Int(key, &number, 1, max);
  *value = number;
}

absl::Status ReadCascade(JsonFields fields, CascadeSource* source) {
  fields.RequiredString("name", &source->name);
  FailIf(CheckCascadeName(source->name), "name", fields);
  fields.RequiredString("package", &source->package);
  ReadOptionalInt("max_batch_rows", 1024, fields, &source->max_batch_rows);
  ReadOptionalInt("slots", 4096, fields, &source->slots);
  ReadOptionalInt("max_queued_images", 1000000, fields,
                  &source->max_queued_images);
  return fields.Finish();
}

std::string CheckDevice(const std::string& device) {
  if (IsDeviceName(device)) return "";
  return absl::StrCat("must be \"cpu\" or \"cuda:N\", is \"", device, "\"");
}

absl::Status ReadLaneGroup(JsonFields fields, LaneGroup* group) {
  fields.RequiredString("device", &group->device);
  FailIf(CheckDevice(group->device), "device", fields);
  fields.Int("count", &group->count, 1, 1024);
  fields.Strings("stages", &group->stages);
  if (group->stages.empty()) fields.Fail("stages", "must not be empty");
  return fields.Finish();
}

absl::Status ReadTenant(JsonFields fields,
                        std::pair<std::string, TenantLimits>* tenant) {
  auto& [name, limits] = *tenant;
  fields.RequiredString("name", &name);
  if (name.empty()) fields.Fail("name", "must not be empty");
  fields.Double("weight", &limits.weight, 0.001, 1000);
  fields.Int("max_images", &limits.max_images, 1, 1000000);
  fields.Choice("max_priority", &limits.max_priority,
                {"batch", "standard", "interactive"});
  return fields.Finish();
}

absl::Status ReadMemoryLimit(JsonFields fields,
                             std::pair<std::string, int64_t>* limit) {
  auto& [device, bytes] = *limit;
  fields.RequiredString("device", &device);
  FailIf(CheckDevice(device), "device", fields);
  uint64_t value = 0;
  fields.Uint64("bytes", &value);
  if (value == 0 || value > uint64_t{std::numeric_limits<int64_t>::max()}) {
    fields.Fail("bytes", absl::StrCat("must be above 0, is ", value));
  }
  bytes = static_cast<int64_t>(value);
  return fields.Finish();
}

// The elements of the list under `key`, each read by `read`.
template <typename T>
std::vector<T> ReadList(const char* key, JsonFields& fields,
                        absl::Status (*read)(JsonFields, T*)) {
  std::vector<T> values;
  for (JsonFields& element : fields.Objects(key)) {
    fields.Merge(read(std::move(element), &values.emplace_back()));
  }
  return values;
}

void ReadTenants(JsonFields& fields, TenantTable& table) {
  for (auto& [name, limits] : ReadList("tenants", fields, ReadTenant)) {
    if (!table.named.emplace(name, limits).second) {
      fields.Fail("tenants", absl::StrCat("has \"", name, "\" twice"));
    }
  }
}

void ReadMemoryLimits(JsonFields& fields, Options& options) {
  for (auto& [device, bytes] :
       ReadList("memory_limit", fields, ReadMemoryLimit)) {
    if (!options.memory_limit.emplace(device, bytes).second) {
      fields.Fail("memory_limit", absl::StrCat("has \"", device, "\" twice"));
    }
  }
}

}  // namespace

absl::Status ReadConfigFile(const std::string& path, Options& options) {
  ASSIGN_OR_RETURN(const JsonFields::Json json, ReadJsonFile(path));
  JsonFields fields(json, path, "");
  const bool lists_lanes =
      json.is_object() && json.contains("lanes") && json["lanes"].is_array();
  for (const ConfigSetting& setting : ConfigSettings()) {
    if (setting.name == "lanes" && lists_lanes) continue;
    ReadSetting(setting, fields, options);
  }
  if (fields.Has("cascades")) {
    options.cascades = ReadList("cascades", fields, ReadCascade);
  }
  if (lists_lanes) {
    options.lanes = ReadList("lanes", fields, ReadLaneGroup);
    if (options.lanes.empty()) fields.Fail("lanes", "must not be empty");
  }
  if (fields.Has("tenants")) ReadTenants(fields, options.tenants);
  if (fields.Has("memory_limit")) ReadMemoryLimits(fields, options);
  return fields.Finish();
}

}  // namespace cascade
