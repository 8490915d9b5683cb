#include "models/import/pickle_reader.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "models/import/pickle_machine.h"
#include "models/import/printable.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

const char* KindName(PickleKind kind) {
  switch (kind) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return "a bool";
    case PickleKind::kInt:
      return "a number";
    case PickleKind::kString:
      return "a string";
    case PickleKind::kTuple:
      return "a tuple";
    case PickleKind::kDict:
      return "a dict";
    case PickleKind::kCallable:
      return "a function";
    case PickleKind::kStorage:
      return "a storage";
    case PickleKind::kTensor:
      return "a tensor";
  }
  return "a value";
}

}  // namespace

int64_t PickledTensor::span() const {
  constexpr int64_t kLimit = std::numeric_limits<int64_t>::max();
  int64_t last = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    const int64_t steps = shape[i] - 1;
    if (steps > 0 && strides[i] > (kLimit - 1 - last) / steps) return kLimit;
    last += steps * strides[i];
  }
  return last + 1;
}

absl::StatusOr<std::map<std::string, PickledTensor>> ReadPickledStateDict(
    std::span<const std::byte> pickle) {
  PickleMachine machine(pickle);
  ASSIGN_OR_RETURN(const PickleIndex root, machine.Run());
  const PickleValue& dict = machine.value(root);
  if (dict.kind != PickleKind::kDict) {
    return absl::InvalidArgumentError(
        absl::StrCat("holds ", KindName(dict.kind), ", not a state dict"));
  }
  std::map<std::string, PickledTensor> tensors;
  for (size_t i = 0; i < dict.children.size(); i += 2) {
    const std::string& name = machine.value(dict.children[i]).text;
    const PickleValue& value = machine.value(dict.children[i + 1]);
    if (value.kind != PickleKind::kTensor) {
      return absl::InvalidArgumentError(
          absl::StrCat("entry ", Printable(name), " is ", KindName(value.kind),
                       ", not a tensor: a checkpoint is a state dict and "
                       "nothing around it"));
    }
    if (!tensors.emplace(name, value.tensor).second) {
      return absl::DataLossError(
          absl::StrCat("entry ", Printable(name), " stands twice"));
    }
  }
  return tensors;
}

}  // namespace cascade
