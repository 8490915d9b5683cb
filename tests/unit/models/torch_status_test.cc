#include "models/runtime/torch_status.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <oneapi/dnnl/dnnl_common.hpp>
#include <stdexcept>

namespace cascade {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

template <typename Exception>
absl::Status StatusOf(const Exception& exception) {
  return CatchTorch([&]() -> absl::Status { throw exception; });
}

TEST(TorchStatusTest, ResultsPassThrough) {
  EXPECT_TRUE(CatchTorch([] { return absl::OkStatus(); }).ok());
  EXPECT_EQ(CatchTorch([] { return absl::NotFoundError("x"); }).message(), "x");
}

TEST(TorchStatusTest, ALackOfMemoryIsResourceExhausted) {
  const c10::SourceLocation here = {};
  for (const absl::Status& status :
       {StatusOf(c10::OutOfMemoryError(here, "CUDA out of memory.")),
        StatusOf(c10::AcceleratorError(here, 2, "CUDA error: out of memory")),
        StatusOf(c10::Error(here, "CUDA error: CUBLAS_STATUS_ALLOC_FAILED")),
        StatusOf(dnnl::error(dnnl_out_of_memory, "could not execute")),
        StatusOf(std::bad_alloc())}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  }
}

#ifndef __SANITIZE_ADDRESS__
// More than any machine's address space; AddressSanitizer ends the process
// instead.
TEST(TorchStatusTest, TheCpuAllocatorsErrorIsRecognised) {
  const absl::Status status = CatchTorch([] {
    at::empty({int64_t{1} << 50}, at::kFloat);
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}
#endif

TEST(TorchStatusTest, ACudaFaultIsALostDevice) {
  const c10::SourceLocation here = {};
  const absl::Status status = StatusOf(c10::AcceleratorError(
      here, 700, "CUDA error: an illegal memory access was encountered\nmore"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(),
            "the device is lost: CUDA error: an illegal memory access was "
            "encountered");
  EXPECT_EQ(StatusOf(c10::Error(here, "CUDA error: device-side assert")).code(),
            absl::StatusCode::kUnavailable);
}

TEST(TorchStatusTest, AnythingElseIsInternal) {
  const absl::Status shape = CatchTorch([] {
    TORCH_CHECK(false, "wrong shape");
    return absl::OkStatus();
  });
  EXPECT_EQ(shape.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(shape.message()), HasSubstr("wrong shape"));
  EXPECT_THAT(std::string(shape.message()), Not(HasSubstr("\n")));
  EXPECT_EQ(StatusOf(std::runtime_error("first\nsecond")),
            absl::InternalError("first"));
  EXPECT_EQ(StatusOf(dnnl::error(dnnl_invalid_arguments, "bad shape")),
            absl::InternalError("oneDNN: bad shape"));
  EXPECT_EQ(StatusOf(42), absl::InternalError("unknown exception"));
}

}  // namespace
}  // namespace cascade
