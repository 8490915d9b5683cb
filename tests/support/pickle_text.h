#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace cascade {

// Writes a pickle opcode by opcode (protocol 2): good ones as torch.save does,
// and bad ones.
class PickleText {
 public:
  PickleText() : text_("\x80\x02", 2) {}

  PickleText& Raw(absl::string_view bytes);
  PickleText& Int(int64_t number);
  PickleText& String(absl::string_view text);
  PickleText& Global(absl::string_view module, absl::string_view name);
  PickleText& Ints(const std::vector<int64_t>& numbers);  // A tuple.
  // A tensor that is a view of the storage data/KEY of `elements` numbers.
  PickleText& Tensor(absl::string_view storage_class, absl::string_view key,
                     int64_t elements, int64_t offset,
                     const std::vector<int64_t>& shape,
                     const std::vector<int64_t>& strides);
  // Begins and ends the OrderedDict that all of a state dict is in. Between
  // them: a string and a tensor each.
  PickleText& BeginDict();
  PickleText& EndDict();

  const std::string& text() const { return text_; }
  // With STOP.
  std::string Finish() const { return text_ + "."; }

 private:
  std::string text_;
};

std::vector<int64_t> RowMajorStrides(const std::vector<int64_t>& shape);

inline std::span<const std::byte> BytesOf(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace cascade
