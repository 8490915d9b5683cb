#include "models/plan/process_memory.h"

#include <gtest/gtest.h>
#include <jemalloc/jemalloc.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace cascade {
namespace {

template <typename Value>
Value Read(const char* name) {
  Value value{};
  size_t size = sizeof(value);
  EXPECT_EQ(mallctl(name, &value, &size, nullptr, 0), 0) << name;
  return value;
}

// Of the process, as of the last time that it was asked for.
size_t BytesKept() {
  uint64_t epoch = 1;
  EXPECT_EQ(mallctl("epoch", nullptr, nullptr, &epoch, sizeof(epoch)), 0);
  return Read<size_t>("stats.resident") - Read<size_t>("stats.active");
}

TEST(ProcessMemoryTest, HasOurSettings) {
  EXPECT_STREQ(Read<const char*>("opt.thp"), "always");
  EXPECT_EQ(Read<ssize_t>("opt.dirty_decay_ms"), -1);
}

TEST(ProcessMemoryTest, KeepsWhatIsFreedUntilItIsToReturnIt) {
  constexpr size_t kBytes = 64 << 20;
  void* block = std::malloc(kBytes);
  ASSERT_NE(block, nullptr);
  std::memset(block, 1, kBytes);
  std::free(block);
  EXPECT_GE(BytesKept(), kBytes);
  ReturnFreedMemory();
  EXPECT_LT(BytesKept(), kBytes / 2);
}

}  // namespace
}  // namespace cascade
