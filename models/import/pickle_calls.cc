#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/import/pickle_errors.h"
#include "models/import/pickle_machine.h"
#include "models/import/printable.h"
#include "server/base/status_macros.h"

// What the names in a state dict's pickle stand for: the part of PickleMachine
// that knows torch.

namespace cascade {
namespace {

constexpr size_t kMaxDimensions = 8;
// torch.save writes decimal numbers. Every tensor has a copy of its key.
constexpr size_t kMaxKeyBytes = 64;
// Far above any tensor, far below what overflows.
constexpr int64_t kMaxElements = int64_t{1} << 40;

struct CallableRow {
  const char* name;
  PickleCallable callable;
  TensorType type = TensorType::kF32;  // Of a storage class.
};
constexpr std::array<CallableRow, 11> kCallables = {{
    {"collections.OrderedDict", PickleCallable::kOrderedDict},
    {"torch._utils._rebuild_tensor_v2", PickleCallable::kRebuildTensor},
    {"torch._utils._rebuild_parameter", PickleCallable::kRebuildParameter},
    {"torch.FloatStorage", PickleCallable::kStorageClass, TensorType::kF32},
    {"torch.HalfStorage", PickleCallable::kStorageClass, TensorType::kF16},
    {"torch.BFloat16Storage", PickleCallable::kStorageClass, TensorType::kBF16},
    {"torch.DoubleStorage", PickleCallable::kStorageClass, TensorType::kF64},
    {"torch.LongStorage", PickleCallable::kStorageClass, TensorType::kI64},
    {"torch.IntStorage", PickleCallable::kStorageClass, TensorType::kI32},
    {"torch.ByteStorage", PickleCallable::kStorageClass, TensorType::kU8},
    {"torch.BoolStorage", PickleCallable::kStorageClass, TensorType::kBool},
}};

}  // namespace

absl::Status PickleMachine::PushCallable() {
  ASSIGN_OR_RETURN(const std::string module, TakeLine());
  ASSIGN_OR_RETURN(const std::string member, TakeLine());
  const std::string name = absl::StrCat(module, ".", member);
  for (const CallableRow& row : kCallables) {
    if (name != row.name) continue;
    return Push({.kind = PickleKind::kCallable,
                 .callable = row.callable,
                 .text = name,
                 .tensor = {.type = row.type}});
  }
  return PickleRefused(absl::StrCat(
      "names ", Printable(name),
      ", which no state dict of float tensors needs; nothing was run"));
}

// ("storage", class, key, device, elements)
absl::Status PickleMachine::PushStorage() {
  ASSIGN_OR_RETURN(const PickleIndex id, Pop());
  const std::vector<PickleIndex>& parts = values_[id].children;
  if (!Is(id, PickleKind::kTuple) || parts.size() != 5 ||
      !Is(parts[0], PickleKind::kString) ||
      values_[parts[0]].text != "storage" ||
      !Is(parts[1], PickleKind::kCallable) ||
      values_[parts[1]].callable != PickleCallable::kStorageClass ||
      !Is(parts[2], PickleKind::kString) || !Is(parts[4], PickleKind::kInt)) {
    return PickleRefused("a persistent id that names no storage");
  }
  const int64_t elements = values_[parts[4]].number;
  const std::string& key = values_[parts[2]].text;
  if (key.size() > kMaxKeyBytes) {
    return PickleRefused(absl::StrCat("storage ", Printable(key), ": a key of ",
                                      key.size(), " bytes; ", kMaxKeyBytes,
                                      " are allowed"));
  }
  if (elements < 0 || elements > kMaxElements) {
    return PickleMalformed(absl::StrCat("storage ", Printable(key), " has ",
                                        elements, " elements"));
  }
  return Push({.kind = PickleKind::kStorage,
               .tensor = {.storage = key,
                          .type = values_[parts[1]].tensor.type,
                          .storage_elements = elements}});
}

absl::Status PickleMachine::Call() {
  ASSIGN_OR_RETURN(const PickleIndex arguments, Pop());
  ASSIGN_OR_RETURN(const PickleIndex function, Pop());
  if (!Is(function, PickleKind::kCallable) ||
      !Is(arguments, PickleKind::kTuple)) {
    return PickleRefused("calls what is no function; nothing was run");
  }
  // A copy: pushing moves the values.
  const std::vector<PickleIndex> parts = values_[arguments].children;
  switch (values_[function].callable) {
    case PickleCallable::kOrderedDict:
      if (!parts.empty()) break;
      return Push({.kind = PickleKind::kDict, .depth = 1});
    case PickleCallable::kRebuildTensor:
      return CallRebuildTensor(parts);
    case PickleCallable::kRebuildParameter:  // (tensor, requires_grad, hooks)
      if (parts.size() != 3 || !Is(parts[0], PickleKind::kTensor)) break;
      stack_.push_back(parts[0]);
      return absl::OkStatus();
    case PickleCallable::kStorageClass:
      break;
  }
  return PickleRefused(
      absl::StrCat("calls ", values_[function].text, " with ", parts.size(),
                   " arguments that torch.save does not write"));
}

absl::StatusOr<std::vector<int64_t>> PickleMachine::Sizes(
    PickleIndex tuple, absl::string_view what) const {
  const PickleValue& value = values_[tuple];
  if (value.kind != PickleKind::kTuple ||
      value.children.size() > kMaxDimensions) {
    return PickleMalformed(absl::StrCat("a tensor's ", what,
                                        " must be a tuple of at most ",
                                        kMaxDimensions, " numbers"));
  }
  std::vector<int64_t> sizes;
  for (PickleIndex child : value.children) {
    const int64_t size = values_[child].number;
    if (!Is(child, PickleKind::kInt) || size < 0 || size > kMaxElements) {
      return PickleMalformed(absl::StrCat("a tensor's ", what, " has ", size));
    }
    sizes.push_back(size);
  }
  return sizes;
}

// (storage, offset, shape, strides, requires_grad, hooks); a seventh would
// change what the elements mean (conjugates, negatives).
absl::Status PickleMachine::CallRebuildTensor(
    std::span<const PickleIndex> arguments) {
  if (arguments.size() != 6 || !Is(arguments[0], PickleKind::kStorage) ||
      !Is(arguments[1], PickleKind::kInt)) {
    return PickleRefused(
        absl::StrCat("rebuilds a tensor from ", arguments.size(),
                     " arguments that torch.save does not write"));
  }
  PickledTensor tensor = values_[arguments[0]].tensor;
  tensor.offset = values_[arguments[1]].number;
  ASSIGN_OR_RETURN(tensor.shape, Sizes(arguments[2], "shape"));
  ASSIGN_OR_RETURN(tensor.strides, Sizes(arguments[3], "strides"));
  if (tensor.shape.size() != tensor.strides.size()) {
    return PickleMalformed(absl::StrCat("a tensor of ", tensor.shape.size(),
                                        " dimensions with ",
                                        tensor.strides.size(), " strides"));
  }
  const int64_t span = tensor.span();
  if (tensor.offset < 0 || tensor.offset > kMaxElements ||
      span > kMaxElements || tensor.offset + span > tensor.storage_elements) {
    return PickleMalformed(
        absl::StrCat("a tensor of ", span, " elements from ", tensor.offset,
                     " on leaves its storage ", Printable(tensor.storage),
                     " of ", tensor.storage_elements));
  }
  // So that nothing is larger than the file: an expanded tensor could be.
  const std::optional<uint64_t> bytes = TensorBytes(tensor.shape, tensor.type);
  if (!bytes || *bytes / BytesPerElement(tensor.type) >
                    static_cast<uint64_t>(tensor.storage_elements)) {
    return PickleRefused(absl::StrCat(
        "a tensor with more elements than its storage ",
        Printable(tensor.storage), " of ", tensor.storage_elements));
  }
  return Push({.kind = PickleKind::kTensor, .tensor = std::move(tensor)});
}

// An OrderedDict's attributes: torch notes the versions of modules there.
absl::Status PickleMachine::Build() {
  ASSIGN_OR_RETURN(const PickleIndex state, Pop());
  ASSIGN_OR_RETURN(const PickleIndex target, Pop());
  stack_.push_back(target);
  if (!Is(target, PickleKind::kDict) || !Is(state, PickleKind::kDict)) {
    return PickleRefused("sets the attributes of something that is no dict");
  }
  return absl::OkStatus();
}

}  // namespace cascade
