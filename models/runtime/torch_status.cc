#include "models/runtime/torch_status.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <new>
#include <oneapi/dnnl/dnnl_common.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cascade {
namespace {

// LibTorch appends C++ stack traces to its messages.
absl::string_view FirstLine(absl::string_view text) {
  return text.substr(0, text.find('\n'));
}

// Lacks of memory that come as plain errors: of the CPU allocator, the CUDA
// runtime, and CUDA's libraries.
bool SaysMemoryRanOut(absl::string_view message) {
  constexpr absl::string_view kPhrases[] = {
      "not enough memory", "can't allocate memory", "out of memory",
      "STATUS_ALLOC_FAILED"};
  return std::any_of(std::begin(kPhrases), std::end(kPhrases),
                     [&](absl::string_view phrase) {
                       return absl::StrContains(message, phrase);
                     });
}

absl::Status StatusOf(const c10::Error& error) {
  const absl::string_view message = FirstLine(error.what_without_backtrace());
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
      SaysMemoryRanOut(message)) {
    return absl::ResourceExhaustedError(message);
  }
  if (dynamic_cast<const c10::AcceleratorError*>(&error) != nullptr ||
      absl::StrContains(message, "CUDA error:")) {
    return absl::UnavailableError(
        absl::StrCat("the device is lost: ", message));
  }
  return absl::InternalError(message);
}

}  // namespace

absl::Status CurrentTorchException() {
  try {
    throw;
  } catch (const c10::Error& error) {
    return StatusOf(error);
  } catch (const dnnl::error& error) {
    return error.status == dnnl_out_of_memory
               ? absl::ResourceExhaustedError(
                     absl::StrCat("oneDNN: out of memory: ", error.what()))
               : absl::InternalError(absl::StrCat("oneDNN: ", error.what()));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of host memory");
  } catch (const std::exception& error) {
    return absl::InternalError(FirstLine(error.what()));
  } catch (...) {
    return absl::InternalError("unknown exception");
  }
}

}  // namespace cascade
