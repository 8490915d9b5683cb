#include "models/cuda/captured_plan.h"

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>

#include "models/cuda/card_stream.h"
#include "models/nn/input_rows.h"
#include "models/runtime/allocation_peak.h"

// Its header wants those of cuBLAS, cuSPARSE and cuSOLVER, which a build has no
// other use for.
namespace at::cuda {
TORCH_CUDA_CPP_API void clearCublasWorkspaces();
}

namespace cascade {
namespace {

// So that libraries have chosen and loaded their kernels.
constexpr int kWarmUps = 2;

// Calls `visit` with the tensors of two inputs that belong together.
template <typename Visit>
void ForTensors(const nn::UNetInput& a, const nn::UNetInput& b, Visit visit) {
  visit(a.x, b.x);
  visit(a.timestep, b.timestep);
  visit(a.class_id, b.class_id);
  visit(a.low_res, b.low_res);
  visit(a.augmentation, b.augmentation);
}

int64_t BytesOf(const nn::UNetInput& input) {
  size_t bytes = 0;
  ForTensors(input, input, [&](const at::Tensor& tensor, const at::Tensor&) {
    if (tensor.defined()) bytes += tensor.nbytes();
  });
  return static_cast<int64_t>(bytes);
}

}  // namespace

CapturedPlan::CapturedPlan(const CardPlan& plan, const StageSpec& spec,
                           at::Device device,
                           const std::vector<int>& bucket_rows)
    : device_(device),
      pool_(at::cuda::graph_pool_handle()),
      input_(nn::ZeroInput(spec, bucket_rows.back(), device)),
      free_(device.type()) {
  const c10::InferenceMode inference;
  // The zeros must be there for another stream.
  Synchronize(device);
  const c10::Stream stream = c10::cuda::getStreamFromPool(
      /*isHighPriority=*/false, device.index());
  int64_t most = 0;
  // From large to small: the small ones fit into what the large ones leave.
  for (auto rows = bucket_rows.rbegin(); rows != bucket_rows.rend(); ++rows) {
    const AllocationPeak peak(device);
    buckets_.insert(buckets_.begin(), Capture(plan, *rows, stream));
    most = std::max(most, peak.bytes());
    bytes_ += static_cast<int64_t>(buckets_.front().output.nbytes());
  }
  bytes_ += BytesOf(input_) + most;
}

CapturedPlan::~CapturedPlan() {
  const MutexLock lock(mutex_);
  try {
    free_.synchronize();
  } catch (const c10::Error&) {
    // The device is lost, and its memory with it.
  }
}

CapturedPlan::Bucket CapturedPlan::Capture(const CardPlan& plan, int rows,
                                           c10::Stream stream) {
  const c10::StreamGuard guard(stream);
  const nn::UNetInput input = nn::FirstRows(input_, rows);
  for (int i = 0; i < kWarmUps; ++i) plan.Run(input);
  Synchronize(device_);
  // cuBLAS' workspace belongs to thread and stream; one that other graphs work
  // in as well would be written by both. Without one, the capture takes its own
  // from the pool, and nobody else uses it afterwards.
  at::cuda::clearCublasWorkspaces();
  Bucket bucket;
  bucket.rows = rows;
  bucket.graph = std::make_unique<at::cuda::CUDAGraph>();
  // Other threads may allocate and synchronise in the meantime.
  bucket.graph->capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
  try {
    bucket.output = plan.Run(input);
  } catch (...) {
    // A stream that captures is of no further use; what went wrong counts.
    try {
      bucket.graph->capture_end();
    } catch (const c10::Error&) {
    }
    throw;
  }
  bucket.graph->capture_end();
  at::cuda::clearCublasWorkspaces();
  return bucket;
}

const CapturedPlan::Bucket& CapturedPlan::BucketFor(int64_t rows) const {
  const auto bucket = std::find_if(
      buckets_.begin(), buckets_.end(),
      [rows](const Bucket& candidate) { return candidate.rows >= rows; });
  TORCH_CHECK(bucket != buckets_.end(), "a batch has ", rows,
              " rows, and the largest graph ", buckets_.back().rows);
  return *bucket;
}

at::Tensor CapturedPlan::Run(const nn::UNetInput& input, int least_rows) const {
  const c10::InferenceMode inference;
  const c10::DeviceGuard on_device(device_);
  const int64_t rows = input.x.size(0);
  const Bucket& bucket = BucketFor(std::max<int64_t>(rows, least_rows));
  const c10::cuda::CUDAStream stream =
      c10::cuda::getCurrentCUDAStream(device_.index());
  at::Tensor output =
      at::empty({rows, bucket.output.size(1), bucket.output.size(2),
                 bucket.output.size(3)},
                bucket.output.options(), at::MemoryFormat::Contiguous);
  const MutexLock lock(mutex_);
  free_.block(stream);
  // The other rows keep what was there: no row reads another.
  ForTensors(nn::FirstRows(input_, rows), input,
             [](const at::Tensor& to, const at::Tensor& from) {
               if (to.defined()) to.copy_(from, /*non_blocking=*/true);
             });
  // As CUDAGraph::replay(), without the random numbers that no plan draws.
  C10_CUDA_CHECK(cudaGraphLaunch(bucket.graph->raw_cuda_graph_exec(), stream));
  output.copy_(bucket.output.narrow(0, 0, rows), /*non_blocking=*/true);
  free_.record(stream);
  return output;
}

}  // namespace cascade
