#include "models/import/printable.h"

namespace cascade {

std::string Printable(absl::string_view text) {
  constexpr size_t kMaxBytes = 100;
  std::string result(text.substr(0, kMaxBytes));
  for (char& c : result) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return result;
}

}  // namespace cascade
