#include <vector>

#include "models/cuda/fused_norm.h"
#include "models/cuda/norm_block.h"
#include "models/cuda/norm_dispatch.h"

namespace cascade {
namespace {

// Calls `run` with the place of each block's first thread.
template <typename Run>
void ForBlocks(const NormArguments& a, const NormLayout& layout, Run run) {
  for (int image = 0; image < a.images; ++image) {
    for (int block = 0; block < layout.blocks; ++block) {
      for (int chunk = 0; chunk < layout.chunks; ++chunk) {
        run(NormBlock{image, block, chunk, 0});
      }
    }
  }
}

template <typename Run>
void ForThreads(const NormLayout& layout, NormBlock at, Run run) {
  for (at.thread = 0; at.thread < layout.threads(); ++at.thread) run(at);
}

template <typename Traits>
void Sum(const NormArguments& a, const NormLayout& layout) {
  std::vector<NormSums> sums(
      static_cast<size_t>(layout.lanes * layout.channels));
  ForBlocks(a, layout, [&](const NormBlock& block) {
    ForThreads(layout, block, [&](const NormBlock& at) {
      SumPixels<typename Traits::In, Traits::kVector>(a, layout, at,
                                                      sums.data());
    });
    for (int lanes = layout.lanes; lanes > 1; lanes = (lanes + 1) / 2) {
      ForThreads(layout, block, [&](const NormBlock& at) {
        FoldLanes(layout, at, lanes, sums.data());
      });
    }
    NormSums* out = PartialSums(a, layout, block.image, block.chunk);
    for (int group = 0; group < layout.groups; ++group) {
      out[block.block * layout.groups + group] =
          GroupSums(a, group, sums.data());
    }
  });
}

template <typename Traits>
void NormalizeAll(const NormArguments& a, const NormLayout& layout) {
  std::vector<NormStatistics> statistics(static_cast<size_t>(layout.groups));
  ForBlocks(a, layout, [&](const NormBlock& block) {
    for (int group = 0; group < layout.groups; ++group) {
      const int of_all = block.block * layout.groups + group;
      statistics[static_cast<size_t>(group)] =
          StatisticsOf<typename Traits::In>(
              a, block.image, of_all,
              JoinChunks(a, layout, block.image, of_all));
    }
    ForThreads(layout, block, [&](const NormBlock& at) {
      Normalize<typename Traits::In, typename Traits::Out, Traits::kVector>(
          a, layout, at, statistics.data());
    });
  });
}

}  // namespace

void FusedNormOnHost(const NormArguments& arguments) {
  const NormLayout layout = LayoutOf(arguments);
  std::vector<float> partial_sums(static_cast<size_t>(
      int64_t{arguments.images} * layout.chunks * arguments.groups * 2));
  NormArguments a = arguments;
  a.partial_sums = partial_sums.data();
  WithNormTraits(a, layout, [&](auto traits) {
    using Traits = decltype(traits);
    Sum<Traits>(a, layout);
    NormalizeAll<Traits>(a, layout);
  });
}

}  // namespace cascade
