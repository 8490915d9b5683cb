#include "server/base/caught_status.h"

#include <exception>
#include <new>

#include "absl/strings/str_cat.h"

namespace cascade {

absl::Status CaughtStatus() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of host memory");
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("exception: ", error.what()));
  } catch (...) {
    return absl::InternalError("an exception of an unknown type");
  }
}

}  // namespace cascade
