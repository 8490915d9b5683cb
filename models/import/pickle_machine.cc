#include "models/import/pickle_machine.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/import/pickle_errors.h"
#include "server/base/status_macros.h"

namespace cascade {
namespace {

// A state dict of a thousand tensors takes a twentieth of these.
constexpr size_t kMaxValues = 500'000;
constexpr size_t kMaxStack = 100'000;
constexpr uint32_t kMaxMemoSlot = 500'000;
constexpr int kMaxDepth = 16;
constexpr size_t kMaxTextBytes = 4096;

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
    return PickleMalformed(absl::StrCat("pickle: ", pickle_.size() - position_,
                                        " bytes follow its end"));
  }
  if (stack_.size() != 1 || !marks_.empty()) {
    return PickleMalformed(absl::StrCat("pickle: ends with ", stack_.size(),
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
      return PickleRefused(absl::StrCat("protocol ", protocol,
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
      if (marks_.size() >= kMaxStack) return PickleRefused("too many marks");
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
      return PickleRefused(
          absl::StrCat("opcode 0x", absl::Hex(opcode, absl::kZeroPad2),
                       " is none that a state dict of torch.save needs"));
  }
}

absl::Status PickleMachine::Push(PickleValue value) {
  if (values_.size() >= kMaxValues) {
    return PickleRefused(absl::StrCat("more than ", kMaxValues, " values"));
  }
  if (stack_.size() >= kMaxStack) {
    return PickleRefused(
        absl::StrCat("more than ", kMaxStack, " values at once"));
  }
  values_.push_back(std::move(value));
  stack_.push_back(static_cast<PickleIndex>(values_.size() - 1));
  return absl::OkStatus();
}

absl::StatusOr<PickleIndex> PickleMachine::Pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) {
    return PickleMalformed("takes a value where there is none");
  }
  const PickleIndex top = stack_.back();
  stack_.pop_back();
  return top;
}

absl::StatusOr<std::vector<PickleIndex>> PickleMachine::PopToMark() {
  if (marks_.empty())
    return PickleMalformed("needs a mark where there is none");
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
    return PickleRefused(absl::StrCat("a number of ", bytes, " bytes"));
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
    return PickleRefused(absl::StrCat("a string of ", length, " bytes; ",
                                      kMaxTextBytes, " are allowed"));
  }
  ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, Take(length));
  return Push({.kind = PickleKind::kString,
               .text = std::string(reinterpret_cast<const char*>(bytes.data()),
                                   bytes.size())});
}

absl::Status PickleMachine::PushTuple(std::vector<PickleIndex> children) {
  int depth = 0;
  for (PickleIndex child : children) {
    depth = std::max(depth, values_[child].depth);
  }
  if (depth >= kMaxDepth) {
    return PickleRefused(absl::StrCat("nested deeper than ", kMaxDepth));
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
  if (items.size() % 2 != 0) return PickleMalformed("a key without a value");
  ASSIGN_OR_RETURN(const PickleIndex target, Pop());
  stack_.push_back(target);
  if (!Is(target, PickleKind::kDict)) {
    return PickleRefused("sets an item of something that is no dict");
  }
  PickleValue& dict = values_[target];
  for (size_t i = 0; i < items.size(); i += 2) {
    if (!Is(items[i], PickleKind::kString)) {
      return PickleRefused("a key of a dict that is no string");
    }
    dict.depth = std::max(dict.depth, values_[items[i + 1]].depth + 1);
  }
  if (dict.depth > kMaxDepth) {
    return PickleRefused(absl::StrCat("nested deeper than ", kMaxDepth));
  }
  dict.children.insert(dict.children.end(), items.begin(), items.end());
  return absl::OkStatus();
}

absl::Status PickleMachine::Put(uint32_t slot) {
  if (stack_.empty())
    return PickleMalformed("keeps a value where there is none");
  if (slot > kMaxMemoSlot) {
    return PickleRefused(
        absl::StrCat("memo slot ", slot, "; the last one is ", kMaxMemoSlot));
  }
  memo_[slot] = stack_.back();
  return absl::OkStatus();
}

absl::Status PickleMachine::Get(uint32_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end()) {
    return PickleMalformed(absl::StrCat("memo slot ", slot, " is empty"));
  }
  if (stack_.size() >= kMaxStack) {
    return PickleRefused(
        absl::StrCat("more than ", kMaxStack, " values at once"));
  }
  stack_.push_back(found->second);
  return absl::OkStatus();
}

absl::StatusOr<std::span<const std::byte>> PickleMachine::Take(size_t count) {
  if (count > pickle_.size() - position_) {
    return PickleMalformed(
        absl::StrCat("truncated: ", count, " bytes are needed, ",
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
      return PickleRefused(
          absl::StrCat("a name of more than ", kMaxTextBytes, " bytes"));
    }
    line.push_back(static_cast<char>(byte));
  }
}

}  // namespace cascade
