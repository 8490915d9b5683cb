#include "models/import/attention_layout.h"

#include <cstring>

#include "absl/strings/match.h"

namespace cascade {

const char* AttentionLayoutName(AttentionLayout layout) {
  switch (layout) {
    case AttentionLayout::kLegacy:
      return "legacy";
    case AttentionLayout::kNew:
      return "new";
    case AttentionLayout::kNewConv2d:
      return "new_conv2d";
  }
  return "?";
}

AttentionOrder OrderOf(AttentionLayout layout) {
  return layout == AttentionLayout::kLegacy ? AttentionOrder::kLegacy
                                            : AttentionOrder::kNew;
}

bool IsQkv(const std::string& tensor) {
  return absl::EndsWith(tensor, ".qkv.weight") ||
         absl::EndsWith(tensor, ".qkv.bias");
}

std::vector<std::byte> PermuteQkvRows(std::span<const std::byte> tensor,
                                      int64_t channels, int64_t heads,
                                      AttentionOrder from, AttentionOrder to) {
  std::vector<std::byte> result(tensor.begin(), tensor.end());
  if (from == to) return result;
  const int64_t width = channels / heads;
  const size_t row_bytes = tensor.size() / static_cast<size_t>(3 * channels);
  // The first row of `width` that follow one another in both orders.
  const auto first_row = [&](AttentionOrder order, int64_t head, int64_t part) {
    const int64_t block = order == AttentionOrder::kLegacy
                              ? head * 3 + part
                              : part * heads + head;
    return static_cast<size_t>(block * width) * row_bytes;
  };
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t part = 0; part < 3; ++part) {
      std::memcpy(result.data() + first_row(to, head, part),
                  tensor.data() + first_row(from, head, part),
                  static_cast<size_t>(width) * row_bytes);
    }
  }
  return result;
}

std::vector<int64_t> ShapeInLayout(const std::string& tensor,
                                   std::vector<int64_t> shape,
                                   AttentionLayout layout) {
  const bool one_dimensional = absl::EndsWith(tensor, ".qkv.weight") ||
                               absl::EndsWith(tensor, ".proj_out.weight");
  if (layout == AttentionLayout::kNewConv2d && one_dimensional) {
    shape.push_back(1);
  }
  return shape;
}

}  // namespace cascade
