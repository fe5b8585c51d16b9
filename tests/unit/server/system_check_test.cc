#include "server/system_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <string>

#include "persistence/background_save.h"
#include "server/admin/memory_advice.h"
#include "server/system_report.h"
#include "tests/support/fake_root.h"
#include "tests/support/faulty_kernel_memory.h"

namespace cowslip::server {
namespace {

using testing::FakeRoot;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1024 * kMiB;

// A machine on which nothing is wrong: 16 GiB, half of them available.
SystemFacts good_machine() {
  SystemFacts facts;
  facts.kernel_release = "6.18.1";
  facts.kernel = {6, 18};
  facts.huge_pages = "madvise";
  facts.huge_pages_2m = "inherit";
  facts.huge_page_defrag = "madvise";
  facts.huge_pages_accepted = true;
  facts.collapse_works = true;
  facts.limits.machine_total = 16 * kGiB;
  facts.limits.machine_available = 8 * kGiB;
  return facts;
}

SystemFacts in_group(uint64_t limit, uint64_t usage) {
  SystemFacts facts = good_machine();
  facts.limits.cgroup.version = memory::CgroupVersion::kV1;
  facts.limits.cgroup.limit = limit;
  facts.limits.cgroup.usage = usage;
  return facts;
}

SystemFacts never_overcommits(uint64_t commit_limit, uint64_t committed) {
  SystemFacts facts = good_machine();
  facts.limits.overcommit = memory::Overcommit::kNever;
  facts.limits.commit_limit = commit_limit;
  facts.limits.committed = committed;
  return facts;
}

void expect(const SystemFinding& finding, Severity severity, const std::string& text, const std::string& remedy = "") {
  EXPECT_EQ(finding.severity, severity) << finding.text;
  EXPECT_THAT(finding.text, HasSubstr(text));
  EXPECT_THAT(finding.remedy, HasSubstr(remedy));
  EXPECT_EQ(finding.remedy.empty(), severity == Severity::kFine) << finding.remedy;
}

TEST(SystemCheck, AGoodMachineHasNothingWrong) {
  const auto findings = check_system(good_machine(), {});
  EXPECT_EQ(findings.size(), 8u);
  for (const SystemFinding& finding : findings) expect(finding, Severity::kFine, "");
}

// ---- huge pages and the kernel ----

TEST(SystemCheck, AlwaysIsAsGoodAsMadvise) {
  SystemFacts facts = good_machine();
  facts.huge_pages = "always";
  expect(check::huge_pages(facts), Severity::kFine, "always:");
}

TEST(SystemCheck, HugePagesNever) {
  SystemFacts facts = good_machine();
  facts.huge_pages = "never";
  facts.huge_pages_forbidden = true;
  expect(check::huge_pages(facts), Severity::kWarning, "the system's setting is never",
         "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
}

TEST(SystemCheck, HugePagesNeverForTheirSize) {
  SystemFacts facts = good_machine();
  facts.huge_pages_2m = "never";
  expect(check::huge_pages(facts), Severity::kWarning, "never", "hugepages-2048kB");
  facts.huge_pages = "never";
  facts.huge_pages_2m = "madvise";
  expect(check::huge_pages(facts), Severity::kFine, "");
}

TEST(SystemCheck, HugePagesForbiddenForTheProcess) {
  SystemFacts facts = good_machine();
  facts.huge_pages_forbidden = true;
  expect(check::huge_pages(facts), Severity::kWarning, "PR_SET_THP_DISABLE", "without");
}

TEST(SystemCheck, HugePagesNotInTheKernel) {
  SystemFacts facts = good_machine();
  facts.huge_pages = facts.huge_pages_2m = "";
  facts.huge_pages_accepted = false;
  expect(check::huge_pages(facts), Severity::kWarning, "refuses MADV_HUGEPAGE", "CONFIG_TRANSPARENT_HUGEPAGE");
}

TEST(SystemCheck, WithoutHugePagesTheKernelMakesNoDifference) {
  SystemFacts facts = good_machine();
  facts.huge_pages = "never";
  facts.kernel = {4, 19};
  facts.huge_page_defrag = "never";
  expect(check::kernel(facts), Severity::kFine, "no difference");
  expect(check::huge_page_defrag(facts), Severity::kFine, "does not matter");
}

TEST(SystemCheck, Defragmentation) {
  SystemFacts facts = good_machine();
  for (const char* setting : {"always", "madvise", "defer+madvise", ""}) {
    facts.huge_page_defrag = setting;
    expect(check::huge_page_defrag(facts), Severity::kFine, "");
  }
  for (const char* setting : {"never", "defer"}) {
    facts.huge_page_defrag = setting;
    expect(check::huge_page_defrag(facts), Severity::kNote, setting, "transparent_hugepage/defrag");
  }
}

TEST(SystemCheck, Kernels) {
  SystemFacts facts = good_machine();
  facts.kernel = {5, 7};
  expect(check::kernel(facts), Severity::kWarning, "before 5.8", "6.15");
  facts.kernel = {5, 8};
  facts.collapse_works = false;
  expect(check::kernel(facts), Severity::kWarning, "MADV_COLLAPSE is missing", "6.15");
  facts.collapse_works = true;
  facts.kernel = {6, 1};
  expect(check::kernel(facts), Severity::kNote, "before 6.15", "6.15");
  facts.kernel = {6, 14};
  expect(check::kernel(facts), Severity::kNote, "before 6.15", "6.15");
  for (const KernelVersion good : {KernelVersion{6, 15}, KernelVersion{7, 0}, KernelVersion{}}) {
    facts.kernel = good;
    expect(check::kernel(facts), Severity::kFine, "");
  }
}

// ---- overcommit ----

TEST(SystemCheck, OnlyNeverOvercommittingRefusesForks) {
  SystemFacts facts = good_machine();
  const DatasetFacts larger_than_free{.used = 12 * kGiB};
  expect(check::overcommit(facts, larger_than_free), Severity::kFine, "0:");
  facts.limits.overcommit = memory::Overcommit::kAlways;
  expect(check::overcommit(facts, larger_than_free), Severity::kFine, "1:");
}

TEST(SystemCheck, CommitLimitTooSmallForAFork) {
  const SystemFacts facts = never_overcommits(10 * kGiB, 6 * kGiB);
  expect(check::overcommit(facts, {.used = 5 * kGiB}), Severity::kWarning, "background saves will fail",
         "sysctl vm.overcommit_memory=1");
  expect(check::overcommit(facts, {.to_load = 2 * kGiB + kMiB}), Severity::kWarning, "will fail");
}

TEST(SystemCheck, CommitLimitThatWillBeTooSmall) {
  const SystemFacts facts = never_overcommits(10 * kGiB, 6 * kGiB);
  expect(check::overcommit(facts, {.used = 2 * kGiB}), Severity::kWarning, "larger than 3.00G", "maxmemory to 3.00G");
  expect(check::overcommit(facts, {.used = 2 * kGiB, .maxmemory = 4 * kGiB}), Severity::kWarning, "larger than 3.00G");
  expect(check::overcommit(facts, {.used = 2 * kGiB, .maxmemory = 3 * kGiB}), Severity::kFine, "two times maxmemory");
}

// ---- room ----

TEST(SystemCheck, RoomForTheForecast) {
  const SystemFacts facts = in_group(2 * kGiB, 1536 * kMiB);
  expect(check::room(facts, {.used = 1 * kGiB, .expected_growth = 512 * kMiB}), Severity::kFine,
         "512.00M of 2.00G can still be taken (cgroup v1 limit)");
  expect(check::room(facts, {.used = 1 * kGiB, .expected_growth = 768 * kMiB}), Severity::kWarning,
         "A save is expected to take 768.00M more, and 512.00M of 2.00G", "by 256.00M at least");
}

TEST(SystemCheck, RoomWithoutAForecast) {
  const SystemFacts facts = in_group(2 * kGiB, 1948 * kMiB);
  expect(check::room(facts, {.used = 900 * kMiB}), Severity::kFine, "100.00M");
  expect(check::room(facts, {.used = 1536 * kMiB}), Severity::kWarning, "With a dataset of 1.50G, 100.00M of 2.00G",
         "docker update --memory");
  const SystemFacts full = in_group(64 * kMiB, 64 * kMiB);
  expect(check::room(full, {.used = 10 * kMiB}), Severity::kFine, "0B");  // too small to say
}

TEST(SystemCheck, RoomForTheFileThatIsToBeLoaded) {
  const SystemFacts facts = in_group(1 * kGiB, 0);
  expect(check::room(facts, {.to_load = 900 * kMiB}), Severity::kFine, "124.00M of 1.00G");
  expect(check::room(facts, {.to_load = 1000 * kMiB}), Severity::kWarning, "24.00M of 1.00G");
  expect(check::room(facts, {.to_load = 1100 * kMiB}), Severity::kWarning, "took 1.07G when it was saved",
         "by 76.00M at least");
}

TEST(SystemCheck, TheMachinesMemoryIsALimitToo) {
  expect(check::room(good_machine(), {.used = 6 * kGiB, .expected_growth = 9 * kGiB}), Severity::kWarning,
         "free memory of the machine", "Make 1.00G free");
  expect(check::room({}, {.used = 6 * kGiB}), Severity::kFine, "no limit is known");
}

TEST(SystemCheck, MaxmemoryBeyondTheLimit) {
  const SystemFacts facts = in_group(2 * kGiB, 512 * kMiB);
  const uint64_t used = 512 * kMiB;
  expect(check::maxmemory(facts, {.used = used, .maxmemory = 3 * kGiB}), Severity::kWarning,
         "maxmemory is 3.00G, and the server can have 2.00G", "maxmemory 1861mb");
  expect(check::maxmemory(facts, {.used = used, .maxmemory = 1900 * kMiB}), Severity::kWarning, "", "maxmemory 1861mb");
  expect(check::maxmemory(facts, {.used = used, .maxmemory = 1860 * kMiB}), Severity::kFine, "");
  expect(check::maxmemory(facts, {.used = used, .maxmemory = 1860 * kMiB, .expected_growth = 1 * kGiB}),
         Severity::kWarning, "", "maxmemory 1024mb");
}

TEST(SystemCheck, NoMaxmemory) {
  expect(check::maxmemory(in_group(1000 * kMiB, 0), {}), Severity::kNote, "cgroup v1 limit of 1000.00M",
         "CONFIG SET maxmemory 800mb");
  expect(check::maxmemory(good_machine(), {}), Severity::kFine, "not set");
}

// ---- who is killed, and swap ----

TEST(SystemCheck, TheChildShouldDieFirst) {
  SystemFacts facts = good_machine();
  facts.oom_score_adj = 799;
  expect(check::oom_killer(facts, {.oom_score_adj_of_child = 800}), Severity::kFine, "799");
  facts.oom_score_adj = 800;
  expect(check::oom_killer(facts, {.oom_score_adj_of_child = 800}), Severity::kWarning,
         "ends the server rather than the child", "oom-score-adj-values '0 200 1000'");
  expect(check::oom_killer(facts, {}), Severity::kFine, "1000");
  facts.oom_score_adj = 1000;
  EXPECT_THAT(check::oom_killer(facts, {}).remedy, Not(HasSubstr("oom-score-adj-values"))) << "no more can be set";
}

TEST(SystemCheck, TheChildsScoreIsTheOneItGets) {
  ServerConfig config;
  const OomScore from_zero("/dev/null");
  const auto of_child = [&] { return dataset_before_load(config, from_zero).oom_score_adj_of_child; };
  EXPECT_EQ(of_child(), persistence::SaveRequest{}.oom_score_adj);
  for (const OomScoreMode mode : {OomScoreMode::kAbsolute, OomScoreMode::kRelative}) {
    config.oom_score_adj = mode;
    EXPECT_EQ(of_child(), 800);
  }
}

TEST(SystemCheck, AGroupThatDiesTogether) {
  SystemFacts facts = in_group(1 * kGiB, 0);
  facts.limits.cgroup.kills_together = true;
  expect(check::oom_killer(facts, {}), Severity::kWarning, "together", "memory.oom.group");
  facts.limits.cgroup.limit = memory::kUnlimited;
  expect(check::oom_killer(facts, {}), Severity::kFine, "");  // a group without a limit has none to reach
}

TEST(SystemCheck, Swap) {
  SystemFacts facts = good_machine();
  facts.limits.swap_total = 2 * kGiB;
  facts.swapped = 10 * kMiB;
  expect(check::swap(facts, {.used = 100 * kMiB}), Severity::kFine, "2.00G");
  facts.swapped = 50 * kMiB;
  expect(check::swap(facts, {.used = 6 * kGiB}), Severity::kFine, "");
  expect(check::swap(facts, {.used = 1 * kGiB}), Severity::kWarning, "50.00M of the server", "vm.swappiness");
}

// ---- where it is shown ----

TEST(SystemReport, SaysWhatWasLookedAt) {
  const std::string good = system_report(good_machine(), check_system(good_machine(), {}));
  EXPECT_THAT(good, HasSubstr("on Linux 6.18.1"));
  for (const char* subject : {"huge pages", "defrag", "kernel", "overcommit", "memory", "maxmemory", "OOM", "swap"}) {
    EXPECT_THAT(good, HasSubstr(subject));
  }
  EXPECT_THAT(good, HasSubstr("Nothing is wrong"));
  SystemFacts facts = in_group(1 * kGiB, 0);
  facts.huge_pages = "never";
  const std::string bad = system_report(facts, check_system(facts, {}));
  EXPECT_THAT(bad, HasSubstr("WARNING  huge pages"));
  EXPECT_THAT(bad, HasSubstr("-> Allow them"));
  EXPECT_THAT(bad, HasSubstr("1 warning, 1 note."));
}

TEST(MemoryAdvice, TellsOfTheMachineToo) {
  SystemFacts facts = in_group(1 * kGiB, 0);
  const auto all_well = check_system(good_machine(), {});
  const auto noted = check_system(facts, {});
  facts.huge_pages = "never";
  const auto warned = check_system(facts, {});
  MemoryFigures figures;
  figures.used = figures.peak = figures.resident = 10 * kMiB;
  figures.heap = {.allocated = 10 * kMiB, .active = 10 * kMiB, .resident = 10 * kMiB};
  EXPECT_EQ(memory_advice(figures, 0, all_well), "Nothing wrong with the memory as far as can be seen.\n");
  EXPECT_THAT(memory_advice(figures, 0, noted), HasSubstr("Nothing wrong"));
  EXPECT_THAT(memory_advice(figures, 0, noted), HasSubstr("Worth knowing:\n\n * maxmemory is not set"));
  EXPECT_THAT(memory_advice(figures, 0, warned), HasSubstr("What stands out:\n\n * Huge pages are off"));
  EXPECT_THAT(memory_advice(figures, 0, warned), Not(HasSubstr("Nothing wrong")));
  figures.used = 1 * kMiB;
  EXPECT_THAT(memory_advice(figures, 0, all_well), HasSubstr("too little data"));
  EXPECT_THAT(memory_advice(figures, 0, warned), HasSubstr("too little data"));
  EXPECT_THAT(memory_advice(figures, 0, warned), HasSubstr(" * Huge pages are off"));
}

// ---- reading the facts ----

TEST(SystemFacts, AreReadFromTheSystem) {
  const FakeRoot root;
  root.write("/proc/sys/kernel/osrelease", "5.14.0-427.el9.x86_64\n");
  root.write("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
  root.write("/sys/kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise [madvise] never\n");
  root.write("/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled", "always [inherit] madvise never\n");
  root.write("/proc/self/status", "VmRSS:\t 100 kB\nVmSwap:\t 20 kB\n");
  root.write("/proc/self/oom_score_adj", "-17\n");
  root.write("/proc/meminfo", "MemTotal: 1024 kB\nMemAvailable: 512 kB\n");
  memory::FaultyKernelMemory kernel;
  kernel.refuse_advice(memory::kMadviseCollapse);
  const SystemFacts facts = gather_system_facts(root.path(), kernel);
  EXPECT_EQ(facts.kernel_release, "5.14.0-427.el9.x86_64");
  EXPECT_TRUE(facts.kernel.older_than(5, 15) && facts.kernel.older_than(6, 0));
  EXPECT_FALSE(facts.kernel.older_than(5, 14) || facts.kernel.older_than(4, 19));
  EXPECT_EQ(facts.huge_pages, "always");
  EXPECT_EQ(facts.huge_pages_2m, "inherit");
  EXPECT_EQ(facts.huge_page_defrag, "madvise");
  EXPECT_FALSE(facts.collapse_works);
  EXPECT_EQ(facts.swapped, 20u * 1024);
  EXPECT_EQ(facts.oom_score_adj, -17);
  EXPECT_EQ(facts.limits.machine_available, 512u * 1024);
}

TEST(SystemFacts, WhatCannotBeReadIsNotThere) {
  const FakeRoot root;
  root.write("/proc/sys/kernel/osrelease", "next\n");
  root.write("/sys/kernel/mm/transparent_hugepage/enabled", "]madvise[");
  memory::FaultyKernelMemory kernel;
  kernel.refuse_advice(MADV_HUGEPAGE);
  const SystemFacts facts = gather_system_facts(root.path(), kernel);
  EXPECT_FALSE(facts.kernel.known());
  EXPECT_FALSE(facts.kernel.older_than(5, 8));
  EXPECT_EQ(facts.huge_pages, "");
  EXPECT_FALSE(facts.huge_pages_accepted || facts.collapse_works);
}

}  // namespace
}  // namespace cowslip::server
