#include "models/runtime/host_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace cascade {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kMiB = 1 << 20;

// A machine of 8 GiB, 6 of them available, and what a test adds to it.
class HostMemoryTest : public testing::Test {
 protected:
  HostMemoryTest()
      : root_(testing::TempDir() + "/host_memory_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
    Write("proc/meminfo",
          "MemTotal:        8388608 kB\n"
          "MemFree:          102400 kB\n"
          "MemAvailable:    6291456 kB\n");
  }

  void Write(const std::string& file, const std::string& contents) {
    const fs::path path = fs::path(root_) / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << contents;
  }

  void ExpectMiB(int64_t total, int64_t free) {
    const absl::StatusOr<DeviceMemory> memory = HostMemory(root_);
    ASSERT_TRUE(memory.ok()) << memory.status();
    EXPECT_EQ(memory->total, total * kMiB);
    EXPECT_EQ(memory->free, free * kMiB);
  }

  const std::string root_;
};

TEST_F(HostMemoryTest, WithoutGroupsItIsTheMachines) { ExpectMiB(8192, 6144); }

TEST_F(HostMemoryTest, VersionTwoLimitsTheProcess) {
  Write("proc/self/cgroup", "0::/app\n");
  Write("sys/fs/cgroup/app/memory.max", "2147483648\n");
  Write("sys/fs/cgroup/app/memory.current", "536870912\n");
  ExpectMiB(2048, 1536);
}

TEST_F(HostMemoryTest, PagesOfFilesAreFree) {
  Write("proc/self/cgroup", "0::/app\n");
  Write("sys/fs/cgroup/app/memory.max", "2147483648\n");
  Write("sys/fs/cgroup/app/memory.current", "536870912\n");
  Write("sys/fs/cgroup/app/memory.stat",
        "anon 1048576\ninactive_file 268435456\nactive_file 7\n");
  ExpectMiB(2048, 1792);
}

TEST_F(HostMemoryTest, AGroupAboveMayBeTighter) {
  Write("proc/self/cgroup", "0::/pod/app\n");
  Write("sys/fs/cgroup/pod/app/memory.max", "max\n");
  Write("sys/fs/cgroup/pod/app/memory.current", "104857600\n");
  Write("sys/fs/cgroup/pod/memory.max", "1073741824\n");
  Write("sys/fs/cgroup/pod/memory.current", "943718400\n");
  ExpectMiB(1024, 124);
}

// The group is the root of what a container sees.
TEST_F(HostMemoryTest, AContainerSeesItsOwnGroupOnly) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/memory.max", "1073741824\n");
  Write("sys/fs/cgroup/memory.current", "1048576\n");
  ExpectMiB(1024, 1023);
}

TEST_F(HostMemoryTest, VersionOneLimitsTheProcess) {
  Write("proc/self/cgroup",
        "9:name=systemd:/\n4:memory:/docker/abc\n3:cpuset:/\n0::/\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes",
        "3221225472\n");
  Write("sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes",
        "2147483648\n");
  Write("sys/fs/cgroup/memory/docker/abc/memory.stat",
        "inactive_file 1\ntotal_inactive_file 1073741824\n");
  ExpectMiB(3072, 2048);
}

// Before there were namespaces of groups, a container's path was the host's.
TEST_F(HostMemoryTest, VersionOneInAContainerIsAtTheMount) {
  Write("proc/self/cgroup", "4:memory:/docker/abc\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1048576\n");
  ExpectMiB(1024, 1023);
}

TEST_F(HostMemoryTest, NothingIsLeftWhenTheGroupIsFull) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/memory.max", "1073741824\n");
  Write("sys/fs/cgroup/memory.current", "1073745920\n");
  ExpectMiB(1024, 0);
}

TEST_F(HostMemoryTest, OddLinesAreIgnored) {
  Write("proc/self/cgroup", "\nnonsense\n0::relative\n0:");
  Write("sys/fs/cgroup/memory.max", "much\n");
  ExpectMiB(8192, 6144);
}

TEST_F(HostMemoryTest, SaysWhatIsMissing) {
  Write("proc/meminfo", "MemTotal: 8388608 kB\n");
  const absl::Status status = HostMemory(root_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("/proc/meminfo has no MemTotal and MemAvailable"));
}

}  // namespace
}  // namespace cascade
