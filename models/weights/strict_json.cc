#include "models/weights/strict_json.h"

#include <set>
#include <string>
#include <vector>

namespace cascade {
namespace {

using Json = nlohmann::json;

// Follows the parser's events. (Its callbacks during a parse would do, but take
// time by the square of an object's size.)
class StructureCheck final : public Json::json_sax_t {
 public:
  const absl::Status& status() const { return status_; }

  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    status_ = absl::InvalidArgumentError(absl::StrCat(name, " appears twice"));
    return false;
  }
  bool start_object(size_t) override { return Enter(); }
  bool end_object() override { return Leave(); }
  bool start_array(size_t) override { return Enter(); }
  bool end_array() override { return Leave(); }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(size_t, const std::string&,
                   const Json::exception&) override {
    return false;
  }

 private:
  bool Enter() {
    if (keys_.size() == static_cast<size_t>(kMaxJsonDepth)) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat("nested deeper than ", kMaxJsonDepth));
      return false;
    }
    keys_.emplace_back();
    return true;
  }
  bool Leave() {
    keys_.pop_back();
    return true;
  }

  // Of the objects (and lists, which have none) around the event.
  std::vector<std::set<std::string>> keys_;
  absl::Status status_;
};

}  // namespace

absl::Status CheckJsonStructure(absl::string_view text, bool allow_comments) {
  StructureCheck check;
  Json::sax_parse(text.begin(), text.end(), &check, Json::input_format_t::json,
                  /*strict=*/true, allow_comments);
  return check.status();
}

}  // namespace cascade
