#include "tests/gpu/card.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/cuda/CUDAFunctions.h>

namespace cascade {

int NumCards() { return c10::cuda::device_count(); }

int64_t AllocatedBytes(at::Device card) {
  constexpr size_t kAll =
      static_cast<size_t>(at::CachingAllocator::StatType::AGGREGATE);
  return at::getDeviceAllocator(card.type())
      ->getDeviceStats(card.index())
      .allocated_bytes[kAll]
      .current;
}

void CardTest::SetUp() {
  at::set_num_threads(1);
  if (NumCards() < num_cards_) {
    GTEST_SKIP() << "CUDA devices needed: " << num_cards_
                 << ", on this machine: " << NumCards();
  }
  at::globalContext().lazyInitDevice(at::kCUDA);
}

}  // namespace cascade
