#include "models/import/pickle_machine.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// A state dict of a thousand tensors takes a twentieth of these.
constexpr size_t kMaxValues = 500'000;
constexpr size_t kMaxStack = 100'000;
constexpr uint32_t kMaxMemoSlot = 500'000;
constexpr size_t kMaxTextBytes = 4096;
constexpr int kMaxDepth = 16;
constexpr size_t kMaxDimensions = 8;
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

absl::Status Malformed(absl::string_view what) {
  return absl::DataLossError(what);
}
absl::Status Refused(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// Names of strangers go into messages: short, and without control characters.
std::string Printable(absl::string_view text) {
  std::string result(text.substr(0, 100));
  for (char& c : result) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return result;
}

}  // namespace

absl::StatusOr<PickleIndex> PickleMachine::Run() {
  while (!stopped_) {
    const size_t opcode_at = position_;
    if (absl::Status status = Step(); !status.ok()) {
      return absl::Status(
          status.code(),
          absl::StrCat("pickle, byte ", opcode_at, ": ", status.message()));
    }
  }
  if (position_ != pickle_.size()) {
    return Malformed(absl::StrCat("pickle: ", pickle_.size() - position_,
                                  " bytes follow its end"));
  }
  if (stack_.size() != 1 || !marks_.empty()) {
    return Malformed(absl::StrCat("pickle: ends with ", stack_.size(),
                                  " values and ", marks_.size(),
                                  " marks instead of one value"));
  }
  return stack_[0];
}

// Letters and values of the opcodes: CPython's pickle.py.
absl::Status PickleMachine::Step() {
  ASSIGN_OR_RETURN(const uint64_t opcode, TakeNumber(1));
  switch (opcode) {
    case 0x80: {  // PROTO
      ASSIGN_OR_RETURN(const uint64_t protocol, TakeNumber(1));
      if (protocol == 2) return absl::OkStatus();
      return Refused(absl::StrCat("protocol ", protocol,
                                  "; torch.save writes protocol 2"));
    }
    case 'N':  // NONE
      return Push({.kind = PickleKind::kNone});
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      return Push({.kind = PickleKind::kBool, .number = opcode == 0x88});
    case 'K': {  // BININT1
      ASSIGN_OR_RETURN(const uint64_t number, TakeNumber(1));
      return PushInt(static_cast<int64_t>(number));
    }
    case 'M': {  // BININT2
      ASSIGN_OR_RETURN(const uint64_t number, TakeNumber(2));
      return PushInt(static_cast<int64_t>(number));
    }
    case 'J': {  // BININT
      ASSIGN_OR_RETURN(const uint64_t number, TakeNumber(4));
      return PushInt(static_cast<int32_t>(static_cast<uint32_t>(number)));
    }
    case 0x8a:  // LONG1
      return PushLong();
    case 'X':  // BINUNICODE
      return PushString();
    case 'c':  // GLOBAL
      return PushCallable();
    case '}':  // EMPTY_DICT
      return Push({.kind = PickleKind::kDict, .depth = 1});
    case ')':  // EMPTY_TUPLE
      return PushTuple({});
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      return PushTupleOf(opcode - 0x84);
    case '(':  // MARK
      if (marks_.size() >= kMaxStack) return Refused("too many marks");
      marks_.push_back(stack_.size());
      return absl::OkStatus();
    case 't': {  // TUPLE
      ASSIGN_OR_RETURN(std::vector<PickleIndex> children, PopToMark());
      return PushTuple(std::move(children));
    }
    case 's': {  // SETITEM
      ASSIGN_OR_RETURN(const PickleIndex item, Pop());
      ASSIGN_OR_RETURN(const PickleIndex key, Pop());
      return SetItems(std::array<PickleIndex, 2>{key, item});
    }
    case 'u': {  // SETITEMS
      ASSIGN_OR_RETURN(const std::vector<PickleIndex> items, PopToMark());
      return SetItems(items);
    }
    case 'q':    // BINPUT
    case 'r': {  // LONG_BINPUT
      ASSIGN_OR_RETURN(const uint64_t slot, TakeNumber(opcode == 'q' ? 1 : 4));
      return Put(static_cast<uint32_t>(slot));
    }
    case 'h':    // BINGET
    case 'j': {  // LONG_BINGET
      ASSIGN_OR_RETURN(const uint64_t slot, TakeNumber(opcode == 'h' ? 1 : 4));
      return Get(static_cast<uint32_t>(slot));
    }
    case 'Q':  // BINPERSID
      return PushStorage();
    case 'R':  // REDUCE
      return Call();
    case 'b':  // BUILD
      return Build();
    case '.':  // STOP
      stopped_ = true;
      return absl::OkStatus();
    default:
      return Refused(
          absl::StrCat("opcode 0x", absl::Hex(opcode, absl::kZeroPad2),
                       " is none that a state dict of torch.save needs"));
  }
}

absl::Status PickleMachine::Push(PickleValue value) {
  if (values_.size() >= kMaxValues) {
    return Refused(absl::StrCat("more than ", kMaxValues, " values"));
  }
  if (stack_.size() >= kMaxStack) {
    return Refused(absl::StrCat("more than ", kMaxStack, " values at once"));
  }
  values_.push_back(std::move(value));
  stack_.push_back(static_cast<PickleIndex>(values_.size() - 1));
  return absl::OkStatus();
}

absl::StatusOr<PickleIndex> PickleMachine::Pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    return Malformed("takes a value where there is none");
  }
  const PickleIndex top = stack_.back();
  stack_.pop_back();
  return top;
}

absl::StatusOr<std::vector<PickleIndex>> PickleMachine::PopToMark() {
  if (marks_.empty()) return Malformed("needs a mark where there is none");
  const auto begin =
      stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleIndex> result(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return result;
}

absl::Status PickleMachine::PushInt(int64_t number) {
  return Push({.kind = PickleKind::kInt, .number = number});
}

absl::Status PickleMachine::PushLong() {
  ASSIGN_OR_RETURN(const uint64_t bytes, TakeNumber(1));
  if (bytes > 8) {
    return Refused(absl::StrCat("a number of ", bytes, " bytes"));
  }
  ASSIGN_OR_RETURN(uint64_t number, TakeNumber(bytes));
  // The highest bit is the sign.
  if (bytes > 0 && bytes < 8 && number >> (8 * bytes - 1) != 0) {
    number |= ~uint64_t{0} << (8 * bytes);
  }
  return PushInt(static_cast<int64_t>(number));
}

absl::Status PickleMachine::PushString() {
  ASSIGN_OR_RETURN(const uint64_t length, TakeNumber(4));
  if (length > kMaxTextBytes) {
    return Refused(absl::StrCat("a string of ", length, " bytes; ",
                                kMaxTextBytes, " are allowed"));
  }
  ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, Take(length));
  return Push({.kind = PickleKind::kString,
               .text = std::string(reinterpret_cast<const char*>(bytes.data()),
                                   bytes.size())});
}

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
  return Refused(absl::StrCat(
      "names ", Printable(name),
      ", which no state dict of float tensors needs; nothing was run"));
}

absl::Status PickleMachine::PushTuple(std::vector<PickleIndex> children) {
  int depth = 0;
  for (PickleIndex child : children) {
    depth = std::max(depth, values_[child].depth);
  }
  if (depth >= kMaxDepth) {
    return Refused(absl::StrCat("nested deeper than ", kMaxDepth));
  }
  return Push({.kind = PickleKind::kTuple,
               .depth = depth + 1,
               .children = std::move(children)});
}

absl::Status PickleMachine::PushTupleOf(size_t count) {
  std::vector<PickleIndex> children(count);
  for (size_t i = count; i-- > 0;) {
    ASSIGN_OR_RETURN(children[i], Pop());
  }
  return PushTuple(std::move(children));
}

absl::Status PickleMachine::SetItems(std::span<const PickleIndex> items) {
  if (items.size() % 2 != 0) return Malformed("a key without a value");
  ASSIGN_OR_RETURN(const PickleIndex target, Pop());
  stack_.push_back(target);
  if (!Is(target, PickleKind::kDict)) {
    return Refused("sets an item of something that is no dict");
  }
  PickleValue& dict = values_[target];
  for (size_t i = 0; i < items.size(); i += 2) {
    if (!Is(items[i], PickleKind::kString)) {
      return Refused("a key of a dict that is no string");
    }
    dict.depth = std::max(dict.depth, values_[items[i + 1]].depth + 1);
  }
  if (dict.depth > kMaxDepth) {
    return Refused(absl::StrCat("nested deeper than ", kMaxDepth));
  }
  dict.children.insert(dict.children.end(), items.begin(), items.end());
  return absl::OkStatus();
}

absl::Status PickleMachine::Put(uint32_t slot) {
  if (stack_.empty()) return Malformed("keeps a value where there is none");
  if (slot > kMaxMemoSlot) {
    return Refused(
        absl::StrCat("memo slot ", slot, "; the last one is ", kMaxMemoSlot));
  }
  memo_[slot] = stack_.back();
  return absl::OkStatus();
}

absl::Status PickleMachine::Get(uint32_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end()) {
    return Malformed(absl::StrCat("memo slot ", slot, " is empty"));
  }
  if (stack_.size() >= kMaxStack) {
    return Refused(absl::StrCat("more than ", kMaxStack, " values at once"));
  }
  stack_.push_back(found->second);
  return absl::OkStatus();
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
    return Refused("a persistent id that names no storage");
  }
  const int64_t elements = values_[parts[4]].number;
  const std::string& key = values_[parts[2]].text;
  if (elements < 0 || elements > kMaxElements) {
    return Malformed(absl::StrCat("storage ", Printable(key), " has ", elements,
                                  " elements"));
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
    return Refused("calls what is no function; nothing was run");
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
  return Refused(absl::StrCat("calls ", values_[function].text, " with ",
                              parts.size(),
                              " arguments that torch.save does not write"));
}

absl::StatusOr<std::vector<int64_t>> PickleMachine::Sizes(
    PickleIndex tuple, absl::string_view what) const {
  const PickleValue& value = values_[tuple];
  if (value.kind != PickleKind::kTuple ||
      value.children.size() > kMaxDimensions) {
    return Malformed(absl::StrCat("a tensor's ", what,
                                  " must be a tuple of at most ",
                                  kMaxDimensions, " numbers"));
  }
  std::vector<int64_t> sizes;
  for (PickleIndex child : value.children) {
    const int64_t size = values_[child].number;
    if (!Is(child, PickleKind::kInt) || size < 0 || size > kMaxElements) {
      return Malformed(absl::StrCat("a tensor's ", what, " has ", size));
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
    return Refused(absl::StrCat("rebuilds a tensor from ", arguments.size(),
                                " arguments that torch.save does not write"));
  }
  PickledTensor tensor = values_[arguments[0]].tensor;
  tensor.offset = values_[arguments[1]].number;
  ASSIGN_OR_RETURN(tensor.shape, Sizes(arguments[2], "shape"));
  ASSIGN_OR_RETURN(tensor.strides, Sizes(arguments[3], "strides"));
  if (tensor.shape.size() != tensor.strides.size()) {
    return Malformed(absl::StrCat("a tensor of ", tensor.shape.size(),
                                  " dimensions with ", tensor.strides.size(),
                                  " strides"));
  }
  const int64_t span = tensor.span();
  if (tensor.offset < 0 || tensor.offset > kMaxElements ||
      span > kMaxElements || tensor.offset + span > tensor.storage_elements) {
    return Malformed(absl::StrCat("a tensor of ", span, " elements from ",
                                  tensor.offset, " on leaves its storage ",
                                  Printable(tensor.storage), " of ",
                                  tensor.storage_elements));
  }
  // So that nothing is larger than the file: an expanded tensor could be.
  const std::optional<uint64_t> bytes = TensorBytes(tensor.shape, tensor.type);
  if (!bytes || *bytes / BytesPerElement(tensor.type) >
                    static_cast<uint64_t>(tensor.storage_elements)) {
    return Refused(absl::StrCat("a tensor with more elements than its storage ",
                                Printable(tensor.storage), " of ",
                                tensor.storage_elements));
  }
  return Push({.kind = PickleKind::kTensor, .tensor = std::move(tensor)});
}

// An OrderedDict's attributes: torch notes the versions of modules there.
absl::Status PickleMachine::Build() {
  ASSIGN_OR_RETURN(const PickleIndex state, Pop());
  ASSIGN_OR_RETURN(const PickleIndex target, Pop());
  stack_.push_back(target);
  if (!Is(target, PickleKind::kDict) || !Is(state, PickleKind::kDict)) {
    return Refused("sets the attributes of something that is no dict");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::span<const std::byte>> PickleMachine::Take(size_t count) {
  if (count > pickle_.size() - position_) {
    return Malformed(absl::StrCat("truncated: ", count, " bytes are needed, ",
                                  pickle_.size() - position_, " are left"));
  }
  const std::span<const std::byte> bytes = pickle_.subspan(position_, count);
  position_ += count;
  return bytes;
}

absl::StatusOr<uint64_t> PickleMachine::TakeNumber(size_t bytes) {
  ASSIGN_OR_RETURN(const std::span<const std::byte> taken, Take(bytes));
  uint64_t number = 0;
  for (size_t i = 0; i < bytes; ++i) {
    number |= std::to_integer<uint64_t>(taken[i]) << (8 * i);
  }
  return number;
}

absl::StatusOr<std::string> PickleMachine::TakeLine() {
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const uint64_t byte, TakeNumber(1));
    if (byte == '\n') return line;
    if (line.size() >= kMaxTextBytes) {
      return Refused(
          absl::StrCat("a name of more than ", kMaxTextBytes, " bytes"));
    }
    line.push_back(static_cast<char>(byte));
  }
}

}  // namespace cascade
