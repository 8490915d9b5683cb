#include <cuda_runtime.h>

#include "models/cuda/fused_norm.h"
#include "models/cuda/norm_block.h"
#include "models/cuda/norm_dispatch.h"

namespace cascade {
namespace {

extern __shared__ NormSums shared_sums[];

__device__ NormBlock ThisThread() {
  return NormBlock{static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.x),
                   static_cast<int>(blockIdx.y), static_cast<int>(threadIdx.x)};
}

// The statistics lie behind the sums.
__device__ NormStatistics* Statistics(const NormLayout& layout) {
  return reinterpret_cast<NormStatistics*>(shared_sums +
                                           layout.lanes * layout.channels);
}

// Leaves the sums of the block's groups to its first threads.
template <typename T, int kVector>
__device__ void SumBlock(const NormArguments& a, const NormLayout& layout,
                         const NormBlock& at) {
  SumPixels<T, kVector>(a, layout, at, shared_sums);
  for (int lanes = layout.lanes; lanes > 1; lanes = (lanes + 1) / 2) {
    __syncthreads();
    FoldLanes(layout, at, lanes, shared_sums);
  }
  __syncthreads();
}

template <typename Traits>
__global__ void NormKernel(NormArguments a, NormLayout layout) {
  using In = typename Traits::In;
  const NormBlock at = ThisThread();
  SumBlock<In, Traits::kVector>(a, layout, at);
  for (int group = at.thread; group < layout.groups;
       group += static_cast<int>(blockDim.x)) {
    Statistics(layout)[group] =
        StatisticsOf<In>(a, at.image, at.block * layout.groups + group,
                         GroupSums(a, group, shared_sums));
  }
  __syncthreads();
  Normalize<In, typename Traits::Out, Traits::kVector>(a, layout, at,
                                                       Statistics(layout));
}

template <typename Traits>
__global__ void SumKernel(NormArguments a, NormLayout layout) {
  const NormBlock at = ThisThread();
  SumBlock<typename Traits::In, Traits::kVector>(a, layout, at);
  NormSums* sums = PartialSums(a, layout, at.image, at.chunk);
  for (int group = at.thread; group < layout.groups;
       group += static_cast<int>(blockDim.x)) {
    sums[at.block * layout.groups + group] = GroupSums(a, group, shared_sums);
  }
}

template <typename Traits>
__global__ void NormalizeKernel(NormArguments a, NormLayout layout) {
  using In = typename Traits::In;
  const NormBlock at = ThisThread();
  for (int group = at.thread; group < layout.groups;
       group += static_cast<int>(blockDim.x)) {
    const int of_all = at.block * layout.groups + group;
    Statistics(layout)[group] = StatisticsOf<In>(
        a, at.image, of_all, JoinChunks(a, layout, at.image, of_all));
  }
  __syncthreads();
  Normalize<In, typename Traits::Out, Traits::kVector>(a, layout, at,
                                                       Statistics(layout));
}

}  // namespace

int LaunchFusedNorm(const NormArguments& arguments, CUstream_st* stream) {
  const NormLayout layout = LayoutOf(arguments);
  const dim3 grid(static_cast<unsigned>(layout.blocks),
                  static_cast<unsigned>(layout.chunks),
                  static_cast<unsigned>(arguments.images));
  const unsigned threads = static_cast<unsigned>(layout.threads());
  const size_t shared = static_cast<size_t>(layout.shared_bytes());
  WithNormTraits(arguments, layout, [&](auto traits) {
    using Traits = decltype(traits);
    if (layout.chunks == 1) {
      NormKernel<Traits><<<grid, threads, shared, stream>>>(arguments, layout);
      return;
    }
    SumKernel<Traits><<<grid, threads, shared, stream>>>(arguments, layout);
    NormalizeKernel<Traits>
        <<<grid, threads, shared, stream>>>(arguments, layout);
  });
  return cudaGetLastError();
}

}  // namespace cascade
