#include "memory/memory_limits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "memory/process_memory.h"
#include "tests/support/fake_root.h"

namespace cowslip::memory {
namespace {

using testing::FakeRoot;

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1024 * kMiB;
constexpr std::string_view kNoLimitV1 = "9223372036854771712\n";

constexpr std::string_view kMeminfo =
    "MemTotal:       16777216 kB\n"
    "MemFree:         1048576 kB\n"
    "MemAvailable:    8388608 kB\n"
    "SwapCached:            0 kB\n"
    "SwapTotal:       2097152 kB\n"
    "SwapFree:        1048576 kB\n"
    "CommitLimit:    10485760 kB\n"
    "Committed_AS:    9437184 kB\n";

constexpr std::string_view kUnlimitedProcess =
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max cpu time              unlimited            unlimited            seconds   \n"
    "Max data size             unlimited            unlimited            bytes     \n"
    "Max address space         unlimited            unlimited            bytes     \n";

// A machine of 16 GiB with 8 GiB available, no groups, no limits.
class MemoryLimitsTest : public ::testing::Test {
 protected:
  MemoryLimitsTest() {
    root_.write("/proc/meminfo", kMeminfo);
    root_.write("/proc/self/limits", kUnlimitedProcess);
    root_.write("/proc/sys/vm/overcommit_memory", "0\n");
  }

  // `mounts` are pairs of what mountinfo says of a mount and its kind.
  void mount(std::string_view own_names, std::string_view mountinfo) {
    root_.write("/proc/self/cgroup", own_names);
    root_.write("/proc/self/mountinfo",
                "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n" + std::string(mountinfo));
  }
  void mount_v1(std::string_view name, std::string_view top = "/") {
    mount(fmt::format("9:cpu,cpuacct:/other\n4:memory:{}\n0::/\n", name),
          fmt::format("34 31 0:31 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
                      "35 31 0:32 {} /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory\n"
                      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
                      top));
    root_.write("/sys/fs/cgroup/unified/cgroup.controllers", "hugetlb\n");
  }
  void mount_v2(std::string_view name, std::string_view top = "/") {
    mount(fmt::format("0::{}\n", name),
          fmt::format("30 23 0:26 {} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n", top));
    root_.write("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
  }

  void group_v1(const std::string& name, std::string_view limit, uint64_t usage, uint64_t cache,
                std::string_view hidden_limit = kNoLimitV1) {
    const std::string folder = "/sys/fs/cgroup/memory" + name;
    root_.write(folder + "/memory.limit_in_bytes", limit);
    root_.write(folder + "/memory.usage_in_bytes", fmt::format("{}\n", usage));
    root_.write(folder + "/memory.stat",
                fmt::format("cache 1\nrss 2\ninactive_file 3\nactive_file 4\nhierarchical_memory_limit {}"
                            "total_cache {}\ntotal_rss {}\ntotal_inactive_file {}\ntotal_active_file {}\n",
                            hidden_limit, cache, usage - cache, cache / 2, cache - cache / 2));
    root_.write(folder + "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  }
  void group_v2(const std::string& name, std::string_view max, std::string_view high, uint64_t usage, uint64_t cache) {
    const std::string folder = "/sys/fs/cgroup" + name;
    root_.write(folder + "/memory.max", max);
    root_.write(folder + "/memory.high", high);
    root_.write(folder + "/memory.current", fmt::format("{}\n", usage));
    root_.write(folder + "/memory.stat", fmt::format("anon {}\nfile {}\nkernel 5\ninactive_file {}\nactive_file {}\n",
                                                     usage - cache, cache, cache / 2, cache - cache / 2));
    root_.write(folder + "/memory.events", "low 0\nhigh 12\nmax 34\noom 4\noom_kill 2\noom_group_kill 0\n");
  }

  MemoryLimits read() const { return read_memory_limits(root_.path()); }

  FakeRoot root_;
};

// ---- the machine ----

TEST_F(MemoryLimitsTest, TheMachineAlone) {
  const MemoryLimits limits = read();
  EXPECT_EQ(limits.machine_total, 16 * kGiB);
  EXPECT_EQ(limits.machine_available, 8 * kGiB);
  EXPECT_EQ(limits.swap_total, 2 * kGiB);
  EXPECT_EQ(limits.swap_free, 1 * kGiB);
  EXPECT_EQ(limits.commit_limit, 10 * kGiB);
  EXPECT_EQ(limits.committed, 9 * kGiB);
  EXPECT_EQ(limits.overcommit, Overcommit::kHeuristic);
  EXPECT_EQ(limits.cgroup.version, CgroupVersion::kNone);
  EXPECT_FALSE(limits.cgroup.limited());
  EXPECT_EQ(limits.address_space_limit, kUnlimited);
  const Headroom room = headroom(limits);
  EXPECT_EQ(room.bytes, 8 * kGiB);
  EXPECT_EQ(room.total, 16 * kGiB);
  EXPECT_EQ(room.limit, "free memory of the machine");
}

TEST_F(MemoryLimitsTest, TheCommitLimitHoldsInModeTwoOnly) {
  root_.write("/proc/sys/vm/overcommit_memory", "1\n");
  EXPECT_EQ(headroom(read()).limit, "free memory of the machine");
  root_.write("/proc/sys/vm/overcommit_memory", "2\n");
  const Headroom room = headroom(read());
  EXPECT_EQ(room.limit, "commit limit (vm.overcommit_memory=2)");
  EXPECT_EQ(room.bytes, 1 * kGiB);
  EXPECT_EQ(room.total, 10 * kGiB);
  EXPECT_TRUE(room.of_machine);
}

TEST_F(MemoryLimitsTest, WhatAForkHasToCommitIsReadInModeTwo) {
  root_.write("/proc/self/status", "Name: x\nVmData:   524288 kB\n");
  EXPECT_EQ(read().data_used, 0u) << "nobody asks";
  root_.write("/proc/sys/vm/overcommit_memory", "2\n");
  EXPECT_EQ(read().data_used, 512 * kMiB);
  EXPECT_EQ(headroom(read()).limit, "commit limit (vm.overcommit_memory=2)") << "no limit on data is set";
}

TEST_F(MemoryLimitsTest, ResourceLimits) {
  root_.write("/proc/self/limits",
              "Max data size             4294967296           unlimited            bytes     \n"
              "Max address space         8589934592           8589934592           bytes     \n");
  root_.write("/proc/self/status", "Name:\tserver\nVmData:\t 1048576 kB\nVmStk:\t 132 kB\n");
  const MemoryLimits limits = read();
  EXPECT_EQ(limits.address_space_limit, 8 * kGiB);
  EXPECT_EQ(limits.data_limit, 4 * kGiB);
  EXPECT_EQ(headroom(limits).bytes, 3 * kGiB);
  EXPECT_EQ(headroom(limits).limit, "data limit (RLIMIT_DATA)");
}

TEST_F(MemoryLimitsTest, AnOldKernelTellsFreeMemoryOnly) {
  root_.write("/proc/meminfo", "MemTotal: 16777216 kB\nMemFree: 1048576 kB\n");
  EXPECT_EQ(headroom(read()).bytes, 1 * kGiB);
}

TEST_F(MemoryLimitsTest, NothingToRead) {
  const FakeRoot empty;
  const MemoryLimits limits = read_memory_limits(empty.path());
  EXPECT_EQ(limits.machine_total, 0u);
  EXPECT_EQ(limits.cgroup.version, CgroupVersion::kNone);
  EXPECT_EQ(headroom(limits).bytes, kUnlimited);
  EXPECT_EQ(headroom(limits).limit, "no limit");
}

TEST_F(MemoryLimitsTest, Garbage) {
  mount("\n:\n::\nmemory\n4:memory\n0::",
        " - \nx - cgroup\n1 2 3 4 - cgroup2 a b\n1 2 3 /a\\0 /b\\999 - cgroup c memory");
  root_.write("/proc/meminfo", "MemTotal\nMemAvailable: many\nMemFree:");
  root_.write("/proc/self/limits", "Max data size");
  root_.write("/proc/sys/vm/overcommit_memory", "7");
  const MemoryLimits limits = read();
  EXPECT_EQ(limits.cgroup.version, CgroupVersion::kNone);
  EXPECT_EQ(limits.overcommit, Overcommit::kHeuristic);
  EXPECT_EQ(limits.data_limit, kUnlimited);
  EXPECT_EQ(headroom(limits).bytes, kUnlimited);
}

// ---- version 1 ----

TEST_F(MemoryLimitsTest, V1Group) {
  mount_v1("/server");
  group_v1("", kNoLimitV1, 6 * kGiB, 1 * kGiB);
  group_v1("/server", "2147483648\n", 1536 * kMiB, 512 * kMiB);
  const CgroupReading group = read().cgroup;
  EXPECT_EQ(group.version, CgroupVersion::kV1);
  EXPECT_EQ(group.path, root_.path() + "/sys/fs/cgroup/memory/server");
  EXPECT_EQ(group.limit, 2 * kGiB);
  EXPECT_EQ(group.usage, 1536 * kMiB);
  EXPECT_EQ(group.reclaimable_cache, 512 * kMiB);
  EXPECT_EQ(group.anonymous, 1 * kGiB);
  EXPECT_EQ(group.oom_kills, 3u);
  const Headroom room = headroom(read());
  EXPECT_EQ(room.bytes, 1 * kGiB);
  EXPECT_EQ(room.total, 2 * kGiB);
  EXPECT_EQ(room.limit, "cgroup v1 limit");
}

TEST_F(MemoryLimitsTest, V1WithoutALimitTellsTheOwnUsage) {
  mount_v1("/server");
  group_v1("", kNoLimitV1, 6 * kGiB, 1 * kGiB);
  group_v1("/server", "9223372036854710272\n", 1536 * kMiB, 512 * kMiB);  // with pages of 64 KiB
  const MemoryLimits limits = read();
  EXPECT_FALSE(limits.cgroup.limited());
  EXPECT_EQ(limits.cgroup.usage, 1536 * kMiB);
  EXPECT_EQ(limits.cgroup.room(), kUnlimited);
  EXPECT_EQ(headroom(limits).limit, "free memory of the machine");
}

TEST_F(MemoryLimitsTest, V1LimitAboveTheOwnGroup) {
  mount_v1("/pod/server");
  group_v1("", kNoLimitV1, 6 * kGiB, 0);
  group_v1("/pod", "3221225472\n", 2560 * kMiB, 0);
  group_v1("/pod/server", kNoLimitV1, 1 * kGiB, 0);
  const MemoryLimits limits = read();
  EXPECT_EQ(limits.cgroup.limit, 3 * kGiB);
  EXPECT_EQ(limits.cgroup.usage, 2560 * kMiB) << "who else is in the pod takes of the same limit";
  EXPECT_EQ(headroom(limits).bytes, 512 * kMiB);
}

TEST_F(MemoryLimitsTest, TheGroupWithTheLeastRoomCounts) {
  mount_v1("/pod/server");
  group_v1("", kNoLimitV1, 6 * kGiB, 0);
  group_v1("/pod", "4294967296\n", 3840 * kMiB, 0);
  group_v1("/pod/server", "2147483648\n", 1 * kGiB, 0);
  EXPECT_EQ(read().cgroup.limit, 4 * kGiB);
  EXPECT_EQ(headroom(read()).bytes, 256 * kMiB);
  group_v1("/pod", "4294967296\n", 2 * kGiB, 0);
  EXPECT_EQ(read().cgroup.limit, 2 * kGiB);
  EXPECT_EQ(headroom(read()).bytes, 1 * kGiB);
}

TEST_F(MemoryLimitsTest, V1BeforeHierarchiesCounted) {
  mount_v1("/pod/server");
  group_v1("", kNoLimitV1, 6 * kGiB, 0);
  group_v1("/pod", "1073741824\n", 1 * kGiB, 0);
  root_.write("/sys/fs/cgroup/memory/pod/memory.use_hierarchy", "0\n");
  group_v1("/pod/server", kNoLimitV1, 2 * kGiB, 0);
  EXPECT_FALSE(read().cgroup.limited()) << "the pod does not count its children";
}

TEST_F(MemoryLimitsTest, V1ContainerSeesItsOwnPartOfTheHierarchy) {
  mount_v1("/docker/abc", "/docker/abc");
  group_v1("", "1073741824\n", 512 * kMiB, 128 * kMiB);
  EXPECT_EQ(read().cgroup.limit, 1 * kGiB);
  EXPECT_EQ(headroom(read()).bytes, 640 * kMiB);
  mount_v1("/docker/abc/inner", "/docker/abc");
  group_v1("/inner", "536870912\n", 256 * kMiB, 0);
  EXPECT_EQ(headroom(read()).bytes, 256 * kMiB);
  mount_v1("/docker/abcdef", "/docker/abc");
  EXPECT_EQ(read().cgroup.limit, 1 * kGiB) << "another group's name; the mount's root is what is left to look at";
}

TEST_F(MemoryLimitsTest, V1NamesOnlyTheOutsideKnows) {
  group_v1("", "1073741824\n", 512 * kMiB, 0);
  for (const char* name : {"/", "/kubepods/burstable/pod1/c2", "/../../system.slice", "/gone (deleted)"}) {
    SCOPED_TRACE(name);
    mount_v1(name);
    EXPECT_EQ(read().cgroup.limit, 1 * kGiB);
  }
}

TEST_F(MemoryLimitsTest, V1LimitAboveWhatTheContainerSees) {
  mount_v1("/");
  group_v1("", kNoLimitV1, 512 * kMiB, 0, "805306368\n");
  EXPECT_EQ(read().cgroup.limit, 768 * kMiB);
  EXPECT_EQ(headroom(read()).bytes, 256 * kMiB);
  group_v1("", "1073741824\n", 512 * kMiB, 0, "805306368\n");
  EXPECT_EQ(headroom(read()).bytes, 256 * kMiB) << "the hidden limit is tighter than the one in sight";
  group_v1("", "671088640\n", 512 * kMiB, 0, "671088640\n");
  EXPECT_EQ(headroom(read()).bytes, 128 * kMiB);
}

TEST_F(MemoryLimitsTest, MountPointsWithBlanks) {
  mount("4:memory:/server\n", "35 31 0:32 / /sys/c\\040g rw - cgroup cgroup rw,memory\n");
  root_.write("/sys/c g/server/memory.usage_in_bytes", "7\n");
  root_.write("/sys/c g/server/memory.limit_in_bytes", "9\n");
  const CgroupReading group = read().cgroup;
  EXPECT_EQ(group.room(), 2u) << "no memory.stat: no cache is known of";
  EXPECT_FALSE(group.oom_kills.has_value());
}

TEST_F(MemoryLimitsTest, MoreTakenThanAllowedIsNoRoom) {
  mount_v1("/server");
  group_v1("/server", "1073741824\n", 2 * kGiB, 512 * kMiB);
  EXPECT_EQ(headroom(read()).bytes, 0u);
}

// ---- version 2 ----

TEST_F(MemoryLimitsTest, V2Group) {
  mount_v2("/system.slice/server.service");
  group_v2("/system.slice", "max\n", "max\n", 5 * kGiB, 0);
  group_v2("/system.slice/server.service", "2147483648\n", "max\n", 1536 * kMiB, 512 * kMiB);
  const CgroupReading group = read().cgroup;
  EXPECT_EQ(group.version, CgroupVersion::kV2);
  EXPECT_EQ(group.limit, 2 * kGiB);
  EXPECT_EQ(group.usage, 1536 * kMiB);
  EXPECT_EQ(group.reclaimable_cache, 512 * kMiB);
  EXPECT_EQ(group.anonymous, 1 * kGiB);
  EXPECT_EQ(group.oom_kills, 2u);
  EXPECT_EQ(headroom(read()).bytes, 1 * kGiB);
  EXPECT_EQ(headroom(read()).limit, "cgroup v2 limit");
}

TEST_F(MemoryLimitsTest, V2HighIsALimitToo) {
  mount_v2("/server");
  group_v2("/server", "2147483648\n", "1073741824\n", 512 * kMiB, 0);
  EXPECT_EQ(read().cgroup.limit, 1 * kGiB);
  group_v2("/server", "max\n", "max\n", 512 * kMiB, 0);
  EXPECT_FALSE(read().cgroup.limited());
  EXPECT_EQ(read().cgroup.usage, 512 * kMiB);
}

TEST_F(MemoryLimitsTest, V2GroupsThatDieTogether) {
  mount_v2("/pod/server");
  group_v2("/pod", "2147483648\n", "max\n", 512 * kMiB, 0);
  group_v2("/pod/server", "max\n", "max\n", 512 * kMiB, 0);
  root_.write("/sys/fs/cgroup/pod/server/memory.oom.group", "0\n");
  EXPECT_FALSE(read().cgroup.kills_together);
  root_.write("/sys/fs/cgroup/pod/memory.oom.group", "1\n");
  EXPECT_TRUE(read().cgroup.kills_together);
}

TEST_F(MemoryLimitsTest, V2MemoryIsCountedFurtherUp) {
  mount_v2("/slice/server");
  group_v2("/slice", "1073741824\n", "max\n", 256 * kMiB, 0);
  root_.write("/sys/fs/cgroup/slice/server/cgroup.procs", "1\n");
  EXPECT_EQ(read().cgroup.path, root_.path() + "/sys/fs/cgroup/slice");
  EXPECT_EQ(read().cgroup.oom_kills, 2u);
  EXPECT_EQ(headroom(read()).bytes, 768 * kMiB);
}

TEST_F(MemoryLimitsTest, V2Container) {
  mount_v2("/");
  group_v2("", "1073741824\n", "max\n", 512 * kMiB, 128 * kMiB);
  EXPECT_EQ(headroom(read()).bytes, 640 * kMiB);
  mount_v2("/", "/../../docker/abc");
  EXPECT_EQ(headroom(read()).bytes, 640 * kMiB);
}

TEST_F(MemoryLimitsTest, V2TopmostGroupHasNoFigures) {
  mount_v2("/");
  EXPECT_EQ(read().cgroup.version, CgroupVersion::kV2);
  EXPECT_FALSE(read().cgroup.limited());
  EXPECT_EQ(headroom(read()).limit, "free memory of the machine");
}

TEST_F(MemoryLimitsTest, HybridWithoutMemoryInVersion2) {
  mount_v1("/server");
  group_v1("/server", "1073741824\n", 512 * kMiB, 0);
  EXPECT_EQ(read().cgroup.version, CgroupVersion::kV1);
  root_.remove("/sys/fs/cgroup/memory");
  EXPECT_EQ(read().cgroup.version, CgroupVersion::kNone) << "neither hierarchy counts memory now";
}

// ---- looking again ----

TEST_F(MemoryLimitsTest, FiguresMoveWithUpdateAndLimitsWithRefresh) {
  mount_v1("/server");
  group_v1("", kNoLimitV1, 1 * kGiB, 0);
  group_v1("/server", "2147483648\n", 1 * kGiB, 0);
  MemoryLimitReader reader(root_.path());
  group_v1("/server", "4294967296\n", 1536 * kMiB, 0);
  root_.write("/proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 262144 kB\n");
  reader.update();
  EXPECT_EQ(reader.limits().cgroup.usage, 1536 * kMiB);
  EXPECT_EQ(reader.cgroup_usage(), 1536 * kMiB);
  EXPECT_EQ(reader.limits().cgroup.limit, 2 * kGiB);
  EXPECT_EQ(headroom(reader.limits()).bytes, 256 * kMiB) << "the machine's free memory";
  EXPECT_EQ(reader.refresh().cgroup.limit, 4 * kGiB);
}

TEST_F(MemoryLimitsTest, AProcessThatIsMovedIsFoundAgain) {
  mount_v1("/a");
  group_v1("/a", "2147483648\n", 1 * kGiB, 0);
  group_v1("/b", "3221225472\n", 2 * kGiB, 0);
  MemoryLimitReader reader(root_.path());
  mount_v1("/b");
  root_.remove("/sys/fs/cgroup/memory/a");
  EXPECT_EQ(reader.update().cgroup.limit, 2 * kGiB);
  EXPECT_EQ(reader.refresh().cgroup.limit, 3 * kGiB);
  EXPECT_EQ(reader.cgroup_usage(), 2 * kGiB);
}

TEST_F(MemoryLimitsTest, FollowingSeesAMoveButNotANewLimit) {
  mount_v1("/a");
  group_v1("/a", "2147483648\n", 1 * kGiB, 0);
  group_v1("/b", "3221225472\n", 2 * kGiB, 0);
  MemoryLimitReader reader(root_.path());
  group_v1("/a", "4294967296\n", 1536 * kMiB, 0);
  EXPECT_EQ(reader.follow().cgroup.limit, 2 * kGiB);
  EXPECT_EQ(reader.limits().cgroup.usage, 1536 * kMiB);
  mount_v1("/b");
  EXPECT_EQ(reader.follow().cgroup.limit, 3 * kGiB);
}

// ---- this machine ----

TEST(MemoryLimitsHere, TheMachineIsTheMachine) {
  const MemoryLimits limits = read_memory_limits();
  EXPECT_NEAR(static_cast<double>(limits.machine_total), static_cast<double>(total_system_memory()),
              static_cast<double>(16 * kMiB));
  EXPECT_GT(limits.machine_available, 0u);
  EXPECT_LE(headroom(limits).bytes, limits.machine_available);
}

// A group of this machine that the test is allowed to make; empty when it is not.
class RealGroup {
 public:
  RealGroup() {
    for (const char* top : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"}) {
      const std::string folder = fmt::format("{}/cowslip-limits-{}", top, ::getpid());
      std::error_code error;
      if (!std::filesystem::create_directory(folder, error)) continue;
      for (const char* limit : {"memory.limit_in_bytes", "memory.max"}) {
        if (std::filesystem::exists(folder + "/" + limit)) limit_file_ = folder + "/" + limit;
      }
      if (!limit_file_.empty()) {
        folder_ = folder;
        return;
      }
      std::filesystem::remove(folder, error);
    }
  }
  ~RealGroup() {
    // rmdir, not remove_all: the files of a group cannot be removed one by one.
    if (!folder_.empty()) ::rmdir(folder_.c_str());
  }
  RealGroup(const RealGroup&) = delete;
  RealGroup& operator=(const RealGroup&) = delete;

  const std::string& folder() const { return folder_; }
  bool set_limit(uint64_t bytes) const { return static_cast<bool>(std::ofstream(limit_file_) << bytes << std::flush); }
  bool add_self() const {
    return static_cast<bool>(std::ofstream(folder_ + "/cgroup.procs") << ::getpid() << std::flush);
  }

 private:
  std::string folder_;
  std::string limit_file_;
};

// What a process in the group finds, told by its exit code: 0 when all is as it should be.
int look_from_inside(const RealGroup& group, uint64_t limit) {
  MemoryLimitReader reader;
  if (!group.add_self()) return 1;
  const CgroupReading before = reader.refresh().cgroup;
  if (before.path != group.folder() || before.limit != limit || !before.oom_kills) return 2;
  constexpr size_t kBytes = 32 << 20;
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::memset(memory, 1, kBytes);
  const CgroupReading after = reader.update().cgroup;
  if (reader.cgroup_usage() < kBytes || after.usage < kBytes || after.anonymous < kBytes * 9 / 10) return 3;
  if (headroom(reader.limits()).bytes > limit - kBytes * 9 / 10) return 4;
  return 0;
}

TEST(MemoryLimitsHere, ARealGroup) {
  const RealGroup group;
  if (group.folder().empty()) GTEST_SKIP() << "no memory control group can be made here";
  constexpr uint64_t kLimit = 100 << 20;
  ASSERT_TRUE(group.set_limit(kLimit));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(look_from_inside(group, kLimit));
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0) << "1: may not join, 2: group not found, 3: usage, 4: headroom";
}

}  // namespace
}  // namespace cowslip::memory
