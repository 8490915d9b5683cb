#include <algorithm>

#include "models/cuda/fused_norm.h"

namespace cascade {
namespace {

constexpr int kThreads = 256;
constexpr int kMaxThreads = 1024;
constexpr int64_t kMaxSharedBytes = 48 * 1024;
// Channels side by side that fill the sectors of 32 bytes.
constexpr int kBlockChannels = 32;
// Of a block; more pixels are shared out among several.
constexpr int kBlockElements = 32 * 1024;

int CeilDivide(int64_t a, int64_t b) {
  return static_cast<int>((a + b - 1) / b);
}

// The least number of groups that divides them and fills sectors with whole
// vectors; 0: none.
int GroupsOfBlock(int groups, int group_channels, int vector) {
  for (int count = 1; count <= groups; ++count) {
    const int channels = count * group_channels;
    if (groups % count != 0 || channels % vector != 0) continue;
    if (channels >= kBlockChannels || count == groups) return count;
  }
  return 0;
}

}  // namespace

int64_t NormLayout::shared_bytes() const {
  return (int64_t{lanes} * channels + groups) * 2 * int64_t{sizeof(float)};
}

NormLayout LayoutOf(const NormArguments& arguments) {
  const int channels = arguments.first_channels + arguments.second_channels;
  const int group_channels = channels / arguments.groups;
  NormLayout layout;
  layout.vector = arguments.type == NormType::kFloat ? 4 : 8;  // 16 bytes.
  if (arguments.first_channels % layout.vector != 0 ||
      arguments.second_channels % layout.vector != 0 ||
      GroupsOfBlock(arguments.groups, group_channels, layout.vector) == 0) {
    layout.vector = 1;
  }
  layout.groups =
      GroupsOfBlock(arguments.groups, group_channels, layout.vector);
  layout.channels = layout.groups * group_channels;
  layout.blocks = arguments.groups / layout.groups;
  layout.vectors = layout.channels / layout.vector;
  layout.lanes =
      std::clamp(kThreads / layout.vectors, 1, std::max(arguments.pixels, 1));
  layout.chunks =
      CeilDivide(int64_t{arguments.pixels} * layout.channels, kBlockElements);
  layout.chunk_pixels = CeilDivide(arguments.pixels, layout.chunks);
  layout.chunks = CeilDivide(arguments.pixels, layout.chunk_pixels);
  return layout;
}

bool HasNormLayout(const NormArguments& arguments) {
  const NormLayout layout = LayoutOf(arguments);
  return layout.threads() <= kMaxThreads &&
         layout.shared_bytes() <= kMaxSharedBytes;
}

}  // namespace cascade
