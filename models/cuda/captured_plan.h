#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "models/cuda/card_plan.h"
#include "models/stage_spec.h"
#include "server/base/mutex.h"

namespace cascade {

// A plan's CUDA graphs, one for each of a few batch sizes, over one input and
// one pool of memory. The graphs run one after the other, in whatever streams
// they are asked for: each waits for the one before it.
//
// Thread-safe. The graphs do not wait for the host, nor the host for them.
class CapturedPlan {
 public:
  // `bucket_rows` ascend; the last is the most that Run() takes. Blocks while
  // the card runs each size a few times. Throws what LibTorch throws.
  CapturedPlan(const CardPlan& plan, const StageSpec& spec, at::Device device,
               const std::vector<int>& bucket_rows);
  // Blocks until the last replay is done.
  ~CapturedPlan();

  // As StageNetwork::Run(), by the smallest graph of at least `least_rows`
  // rows.
  at::Tensor Run(const nn::UNetInput& input, int least_rows) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Of the input, and about what the pool holds.
  int64_t bytes() const { return bytes_; }

 private:
  struct Bucket {
    int64_t rows = 0;
    std::unique_ptr<at::cuda::CUDAGraph> graph;
    at::Tensor output;  // Written by each replay.
  };

  Bucket Capture(const CardPlan& plan, int rows, c10::Stream stream);
  const Bucket& BucketFor(int64_t rows) const;

  // Constant after construction.
  const at::Device device_;
  const at::cuda::MempoolId_t pool_;
  const nn::UNetInput input_;  // As many rows as the largest bucket.
  std::vector<Bucket> buckets_;
  int64_t bytes_ = 0;

  // Held while a replay and the copies around it are queued.
  mutable Mutex mutex_;
  // Input and outputs are free for the next.
  mutable c10::Event free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cascade
