#include "tests/support/pickle_text.h"

#include "absl/strings/str_cat.h"

namespace cascade {
namespace {

std::string LittleEndian(uint64_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) {
    text.push_back(static_cast<char>(number >> (8 * i)));
  }
  return text;
}

}  // namespace

PickleText& PickleText::Raw(absl::string_view bytes) {
  absl::StrAppend(&text_, bytes);
  return *this;
}

PickleText& PickleText::Int(int64_t number) {
  const auto bits = static_cast<uint64_t>(number);
  if (number >= 0 && number < 256) {
    return Raw(absl::StrCat("K", LittleEndian(bits, 1)));
  }
  if (number == static_cast<int32_t>(number)) {
    return Raw(absl::StrCat("J", LittleEndian(bits, 4)));
  }
  return Raw(absl::StrCat("\x8a\x08", LittleEndian(bits, 8)));
}

PickleText& PickleText::String(absl::string_view text) {
  return Raw(absl::StrCat("X", LittleEndian(text.size(), 4), text));
}

PickleText& PickleText::Global(absl::string_view module,
                               absl::string_view name) {
  return Raw(absl::StrCat("c", module, "\n", name, "\n"));
}

PickleText& PickleText::Ints(const std::vector<int64_t>& numbers) {
  Raw("(");
  for (int64_t number : numbers) Int(number);
  return Raw("t");
}

PickleText& PickleText::Tensor(absl::string_view storage_class,
                               absl::string_view key, int64_t elements,
                               int64_t offset,
                               const std::vector<int64_t>& shape,
                               const std::vector<int64_t>& strides) {
  Global("torch._utils", "_rebuild_tensor_v2").Raw("((");
  String("storage").Global("torch", storage_class).String(key).String("cpu");
  Int(elements).Raw("tQ");
  Int(offset).Ints(shape).Ints(strides).Raw("\x89");
  return Global("collections", "OrderedDict").Raw(")RtR");
}

PickleText& PickleText::BeginDict() {
  return Global("collections", "OrderedDict").Raw(")R(");
}

PickleText& PickleText::EndDict() { return Raw("u"); }

std::vector<int64_t> RowMajorStrides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) {
    strides[d - 1] = strides[d] * shape[d];
  }
  return strides;
}

}  // namespace cascade
