#include "server/rpc/state_checksum.h"

#include <bit>
#include <cstdint>
#include <span>

#include "models/sha256.h"

namespace cascade {
namespace {

static_assert(std::endian::native == std::endian::little);

// Writes fields one after the other.
class Layout {
 public:
  template <typename Number>
  void Add(Number number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  void AddBytes(const std::string& bytes) {
    Add(uint64_t{bytes.size()});
    bytes_ += bytes;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace

std::string StateChecksum(const v1::StageState& state) {
  Layout layout;
  layout.Add(state.format_version());
  layout.AddBytes(state.cascade());
  layout.Add(state.stage());
  layout.Add(static_cast<uint64_t>(state.stage_digests_size()));
  for (const std::string& digest : state.stage_digests()) {
    layout.AddBytes(digest);
  }
  layout.Add(state.image_seed());
  layout.Add(static_cast<int32_t>(state.class_choice_case()));
  layout.Add(state.class_id());
  layout.Add(static_cast<uint8_t>(state.unconditional()));
  layout.Add(state.resolution());
  layout.Add(state.channels());
  layout.Add(state.level());
  layout.AddBytes(state.values());
  const auto digest = Sha256(std::as_bytes(std::span(layout.bytes())));
  return std::string(digest.begin(), digest.end());
}

}  // namespace cascade
