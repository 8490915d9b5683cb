#pragma once

#include "models/cuda/card_step.h"
#include "models/cuda/fused_norm.h"

struct CUstream_st;

namespace cascade {

// Our kernels, as functions that queue them on a stream; each returns CUDA's
// error code, 0 for success.
//
// On the host the same threads run one after another, and are done when the
// function returns: for tests, and for what is built from these functions.
struct CardFunctions {
  int (*norm)(const NormArguments& arguments, CUstream_st* stream);
  // Writes a batch of the network's input.
  int (*gather)(const CardPool& pool, const CardBatch& batch,
                CUstream_st* stream);
  // Finds the limits of the rows with a dynamic threshold.
  int (*threshold)(const CardPool& pool, const CardStep& step,
                   CUstream_st* stream);
  // Writes x0 and the next x of each row, and its pixels.
  int (*update)(const CardPool& pool, const CardStep& step,
                CUstream_st* stream);
};

const CardFunctions& HostFunctions();
// In a build with CUDA.
const CardFunctions& CudaFunctions();

}  // namespace cascade
