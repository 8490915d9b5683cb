#include <algorithm>
#include <array>

#include "models/cuda/card_functions.h"
#include "models/cuda/step_threads.h"

namespace cascade {
namespace {

int Norm(const NormArguments& arguments, CUstream_st* /*stream*/) {
  FusedNormOnHost(arguments);
  return 0;
}

int Gather(const CardPool& pool, const CardBatch& batch,
           CUstream_st* /*stream*/) {
  for (int row = 0; row < batch.count; ++row) {
    for (int i = 0; i < pool.size; ++i) GatherElement(pool, batch, row, i);
  }
  return 0;
}

double DynamicLimit(const CardPool& pool, const CardStep& step,
                    const CardUpdateRow& row) {
  RankSearch search{0, row.quantile_rank, 0};
  for (int round = 0; round < kRankRounds; ++round) {
    std::array<uint32_t, kRankDigits> histogram = {};
    for (int i = 0; i < pool.size; ++i) {
      const uint32_t bits = MagnitudeBits(X0Of(pool, step, row, i));
      if (HasPrefix(bits, search, round)) ++histogram[RankDigit(bits, round)];
    }
    search = NextDigit(search, histogram.data());
  }
  uint32_t next_bits = UINT32_MAX;
  for (int i = 0; i < pool.size; ++i) {
    const uint32_t bits = MagnitudeBits(X0Of(pool, step, row, i));
    if (bits > search.prefix) next_bits = std::min(next_bits, bits);
  }
  const bool repeats =
      search.rank + 1 < search.equal || next_bits == UINT32_MAX;
  return LimitOf(row, MagnitudeOf(search.prefix),
                 MagnitudeOf(repeats ? search.prefix : next_bits));
}

int Threshold(const CardPool& pool, const CardStep& step,
              CUstream_st* /*stream*/) {
  for (int i = 0; i < step.count; ++i) {
    const CardUpdateRow& row = step.rows[i];
    if (row.line.threshold == CardThreshold::kDynamic) {
      step.limits[i] = DynamicLimit(pool, step, row);
    }
  }
  return 0;
}

int Update(const CardPool& pool, const CardStep& step,
           CUstream_st* /*stream*/) {
  for (int row = 0; row < step.count; ++row) {
    for (int block = 0; block * kUpdateElements < pool.size; ++block) {
      UpdateElements(pool, step, row, block);
    }
  }
  return 0;
}

}  // namespace

const CardFunctions& HostFunctions() {
  static const CardFunctions functions = {Norm, Gather, Threshold, Update};
  return functions;
}

}  // namespace cascade
