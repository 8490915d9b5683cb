#include "models/runtime/torch_status.h"

#include <c10/util/Exception.h>

#include <new>

#include "absl/strings/string_view.h"

namespace cascade {
namespace {

// LibTorch appends C++ stack traces to its messages.
absl::string_view FirstLine(absl::string_view text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

absl::Status CurrentTorchException() {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    return absl::ResourceExhaustedError(
        FirstLine(error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    const absl::string_view line = FirstLine(error.what_without_backtrace());
    // The CPU allocator reports a lack of memory as a plain error.
    if (line.find("not enough memory") != absl::string_view::npos ||
        line.find("can't allocate memory") != absl::string_view::npos) {
      return absl::ResourceExhaustedError(line);
    }
    return absl::InternalError(line);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of host memory");
  } catch (const std::exception& error) {
    return absl::InternalError(FirstLine(error.what()));
  } catch (...) {
    return absl::InternalError("unknown exception");
  }
}

}  // namespace cascade
