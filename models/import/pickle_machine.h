#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "models/import/pickle_reader.h"

namespace cascade {

// The index of a value among those that a PickleMachine made.
using PickleIndex = uint32_t;

enum class PickleKind {
  kNone,
  kBool,
  kInt,
  kString,
  kTuple,
  kDict,
  kCallable,
  kStorage,
  kTensor
};

// What the names that may be called stand for.
enum class PickleCallable {
  kOrderedDict,
  kRebuildTensor,
  kRebuildParameter,
  kStorageClass
};

struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  int depth = 0;       // Of the containers in it.
  int64_t number = 0;  // Of a bool or an int.
  PickleCallable callable = PickleCallable::kOrderedDict;
  std::string text = {};  // Of a string or a callable's name.
  std::vector<PickleIndex> children =
      {};                     // Of a tuple; key, value, ... of a dict.
  PickledTensor tensor = {};  // Of a tensor, a storage, its class.
};

// The stack machine of ReadPickledStateDict(), one pickle long. Values live in
// one list and refer to each other by index, so that a pickle that contains
// itself is as harmless as any other, and nothing is recursive.
class PickleMachine {
 public:
  explicit PickleMachine(std::span<const std::byte> pickle) : pickle_(pickle) {}

  // Runs to the end and returns the value that is left.
  absl::StatusOr<PickleIndex> Run();
  const PickleValue& value(PickleIndex index) const { return values_[index]; }

 private:
  // One opcode; sets `stopped_` at the end.
  absl::Status Step();
  absl::Status Push(PickleValue value);
  absl::StatusOr<PickleIndex> Pop();
  // The values above the last mark, which goes as well.
  absl::StatusOr<std::vector<PickleIndex>> PopToMark();

  absl::Status PushInt(int64_t number);
  absl::Status PushLong();
  absl::Status PushString();
  absl::Status PushCallable();
  absl::Status PushTuple(std::vector<PickleIndex> children);
  absl::Status PushTupleOf(size_t count);
  absl::Status SetItems(std::span<const PickleIndex> items);
  absl::Status Put(uint32_t slot);
  absl::Status Get(uint32_t slot);
  absl::Status PushStorage();
  absl::Status Call();
  absl::Status CallRebuildTensor(std::span<const PickleIndex> arguments);
  absl::Status Build();

  // The next bytes of the pickle, little-endian.
  absl::StatusOr<std::span<const std::byte>> Take(size_t count);
  absl::StatusOr<uint64_t> TakeNumber(size_t bytes);
  absl::StatusOr<std::string> TakeLine();

  bool Is(PickleIndex index, PickleKind kind) const {
    return values_[index].kind == kind;
  }
  absl::StatusOr<std::vector<int64_t>> Sizes(PickleIndex tuple,
                                             absl::string_view what) const;

  const std::span<const std::byte> pickle_;
  size_t position_ = 0;
  bool stopped_ = false;
  std::vector<PickleValue> values_;
  std::vector<PickleIndex> stack_;
  std::vector<size_t> marks_;  // Heights of the stack.
  std::unordered_map<uint32_t, PickleIndex> memo_;
};

}  // namespace cascade
