#include "models/control_group.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace cascade {
namespace {

namespace fs = std::filesystem;

// A machine of 8 cores, and the groups that a test adds to it.
class CoresOfProcessTest : public testing::Test {
 protected:
  CoresOfProcessTest()
      : root_(testing::TempDir() + "/control_group_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
  }

  void Write(const std::string& file, const std::string& contents) {
    const fs::path path = fs::path(root_) / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << contents;
  }

  int Cores() const { return CoresOfProcess(root_, 8); }

  const std::string root_;
};

TEST_F(CoresOfProcessTest, WithoutGroupsTheyAreTheMachines) {
  EXPECT_EQ(Cores(), 8);
}

// What `docker run --cpus 2` writes.
TEST_F(CoresOfProcessTest, VersionTwoLimitsThem) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_EQ(Cores(), 2);
}

TEST_F(CoresOfProcessTest, MaxIsNoLimit) {
  Write("proc/self/cgroup", "0::/app\n");
  Write("sys/fs/cgroup/app/cpu.max", "max 100000\n");
  EXPECT_EQ(Cores(), 8);
}

TEST_F(CoresOfProcessTest, PartsOfACoreCountAsOne) {
  Write("proc/self/cgroup", "0::/app\n");
  Write("sys/fs/cgroup/app/cpu.max", "250000 100000\n");
  EXPECT_EQ(Cores(), 3);
  Write("sys/fs/cgroup/app/cpu.max", "10000 100000\n");
  EXPECT_EQ(Cores(), 1);
}

TEST_F(CoresOfProcessTest, AGroupAboveMayBeTighter) {
  Write("proc/self/cgroup", "0::/pod/app\n");
  Write("sys/fs/cgroup/pod/app/cpu.max", "max 100000\n");
  Write("sys/fs/cgroup/pod/cpu.max", "300000 100000\n");
  EXPECT_EQ(Cores(), 3);
}

TEST_F(CoresOfProcessTest, AQuotaBeyondTheMachineGivesNoCores) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "6400000 100000\n");
  EXPECT_EQ(Cores(), 8);
}

TEST_F(CoresOfProcessTest, VersionOneLimitsThem) {
  Write("proc/self/cgroup",
        "7:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  Write("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "150000\n");
  Write("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(Cores(), 3);
}

// A container that sees its own group only.
TEST_F(CoresOfProcessTest, VersionOneInAContainerIsAtTheMount) {
  Write("proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "400000\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Cores(), 4);
}

TEST_F(CoresOfProcessTest, OtherControllersLimitNothing) {
  Write("proc/self/cgroup", "4:cpuacct:/app\n3:cpuset:/app\n");
  Write("sys/fs/cgroup/cpu/app/cpu.cfs_quota_us", "100000\n");
  Write("sys/fs/cgroup/cpu/app/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Cores(), 8);
}

TEST_F(CoresOfProcessTest, OddFilesAreIgnored) {
  Write("proc/self/cgroup", "\nnonsense\n0::relative\n0:");
  for (const char* text : {"", "much of it", "100000", "0 0", "-5 100000"}) {
    Write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(Cores(), 8) << text;
  }
}

}  // namespace
}  // namespace cascade
