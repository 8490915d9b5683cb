#include <cuda_runtime.h>

#include "models/cuda/card_functions.h"
#include "models/cuda/step_threads.h"

namespace cascade {
namespace {

constexpr int kThreads = 256;
constexpr int kThresholdThreads = 512;
constexpr uint32_t kNoBits = 0xFFFFFFFFu;

unsigned Blocks(int threads) {
  return static_cast<unsigned>((threads + kThreads - 1) / kThreads);
}

__device__ int ThreadOfRow() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

__global__ void GatherKernel(CardPool pool, CardBatch batch) {
  const int i = ThreadOfRow();
  if (i < pool.size) {
    GatherElement(pool, batch, static_cast<int>(blockIdx.y), i);
  }
}

__global__ void UpdateKernel(CardPool pool, CardStep step) {
  const int block = ThreadOfRow();
  if (block * kUpdateElements < pool.size) {
    UpdateElements(pool, step, static_cast<int>(blockIdx.y), block);
  }
}

// One block of threads for each row.
__global__ void ThresholdKernel(CardPool pool, CardStep step) {
  __shared__ uint32_t histogram[kRankDigits];
  __shared__ RankSearch search;
  __shared__ uint32_t next_bits;
  const int row_index = static_cast<int>(blockIdx.x);
  const CardUpdateRow& row = step.rows[row_index];
  if (row.line.threshold != CardThreshold::kDynamic) return;
  if (threadIdx.x == 0) {
    search = RankSearch{0, row.quantile_rank, 0};
    next_bits = kNoBits;
  }
  for (int round = 0; round < kRankRounds; ++round) {
    for (int i = threadIdx.x; i < kRankDigits; i += blockDim.x) {
      histogram[i] = 0;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < pool.size; i += blockDim.x) {
      const uint32_t bits = MagnitudeBits(X0Of(pool, step, row, i));
      if (HasPrefix(bits, search, round)) {
        atomicAdd(&histogram[RankDigit(bits, round)], 1u);
      }
    }
    __syncthreads();
    if (threadIdx.x == 0) search = NextDigit(search, histogram);
    __syncthreads();
  }
  for (int i = threadIdx.x; i < pool.size; i += blockDim.x) {
    const uint32_t bits = MagnitudeBits(X0Of(pool, step, row, i));
    if (bits > search.prefix) atomicMin(&next_bits, bits);
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  const bool repeats = search.rank + 1 < search.equal || next_bits == kNoBits;
  step.limits[row_index] =
      LimitOf(row, MagnitudeOf(search.prefix),
              MagnitudeOf(repeats ? search.prefix : next_bits));
}

int LaunchGather(const CardPool& pool, const CardBatch& batch,
                 CUstream_st* stream) {
  const dim3 grid(Blocks(pool.size), static_cast<unsigned>(batch.count));
  GatherKernel<<<grid, kThreads, 0, stream>>>(pool, batch);
  return cudaGetLastError();
}

int LaunchThreshold(const CardPool& pool, const CardStep& step,
                    CUstream_st* stream) {
  ThresholdKernel<<<static_cast<unsigned>(step.count), kThresholdThreads, 0,
                    stream>>>(pool, step);
  return cudaGetLastError();
}

int LaunchUpdate(const CardPool& pool, const CardStep& step,
                 CUstream_st* stream) {
  const int blocks = (pool.size + kUpdateElements - 1) / kUpdateElements;
  const dim3 grid(Blocks(blocks), static_cast<unsigned>(step.count));
  UpdateKernel<<<grid, kThreads, 0, stream>>>(pool, step);
  return cudaGetLastError();
}

}  // namespace

const CardFunctions& CudaFunctions() {
  static const CardFunctions functions = {LaunchFusedNorm, LaunchGather,
                                          LaunchThreshold, LaunchUpdate};
  return functions;
}

}  // namespace cascade
