// Which pages of a child are its alone, against what was made so.
#include "memory/process_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory/process_memory.h"

namespace cowslip::memory {
namespace {

using testing::ElementsAre;

constexpr size_t kBytes = 8 << 20;

TEST(PrivateWritableMappings, OnlyThoseAndNotWhatIsLeftOut) {
  constexpr std::string_view kMaps =
      "1000-3000 r--p 00000000 fe:01 17 /usr/bin/x\n"
      "3000-4000 rw-p 00002000 fe:01 17 /usr/bin/x\n"
      "5000-6000 rw-s 00000000 00:01 18 /dev/zero (deleted)\n"
      "7000-9000 rw-p 00000000 00:00 0 [heap]\n"
      "a000-b000 ---p 00000000 00:00 0 \n"
      "7f0000000000-7f0000200000 rw-p 00000000 00:00 0 \n"
      "10007fff8000-20007fff8000 rw-p 00000000 00:00 0 \n"
      "7f0000200000-7f0000400000 rwxp 00000000 00:00 0 ";
  const std::vector<AddressSpan> engine = {{0x7f0000000000, 0x200000}};
  EXPECT_THAT(
      private_writable_mappings(kMaps, engine),
      ElementsAre(AddressSpan{0x3000, 0x1000}, AddressSpan{0x7000, 0x2000}, AddressSpan{0x7f0000200000, 0x200000}));
  EXPECT_THAT(private_writable_mappings("nonsense\n\n-\n", {}), ElementsAre());
}

TEST(PrivateWritableMappings, PartsOfAMappingAreLeftOut) {
  constexpr std::string_view kMaps = "1000-9000 rw-p 00000000 00:00 0 \n";
  const std::vector<AddressSpan> engine = {{0x0, 0x2000}, {0x7000, 0x1000}, {0x4000, 0x1000}, {0x20000, 0x1000}};
  EXPECT_THAT(private_writable_mappings(kMaps, engine),
              ElementsAre(AddressSpan{0x2000, 0x2000}, AddressSpan{0x5000, 0x2000}, AddressSpan{0x8000, 0x1000}));
  const std::vector<AddressSpan> all = {{0x1000, 0x8000}};
  EXPECT_THAT(private_writable_mappings(kMaps, all), ElementsAre());
}

class PrivatePages : public testing::Test {
 protected:
  PrivatePages()
      : memory_(
            static_cast<char*>(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    ::madvise(memory_, kBytes, MADV_NOHUGEPAGE);
    write(kBytes);
    child_ = ::fork();
    if (child_ == 0) {
      for (;;) ::pause();
    }
  }
  ~PrivatePages() override {
    ::kill(child_, SIGKILL), ::waitpid(child_, nullptr, 0);
    ::munmap(memory_, kBytes);
  }
  void write(size_t bytes) {
    for (size_t at = 0; at < bytes; at += 4096) memory_[at]++;
  }
  uint64_t outside(std::span<const AddressSpan> leave_out) {
    return anonymous_pages_outside(child_, leave_out).value().exclusive;
  }

  char* const memory_;
  pid_t child_ = 0;
};

TEST_F(PrivatePages, WhatTheParentWroteIsTheChildsAlone) {
  const AddressSpan all{reinterpret_cast<uintptr_t>(memory_), kBytes};
  const uint64_t before = outside({});
  write(kBytes / 2);
  const uint64_t after = outside({});
  EXPECT_GE(after - before, kBytes / 2);
  EXPECT_LE(after - before, kBytes / 2 + (256 << 10)) << "the test's own heap and stack";
  const uint64_t rest = outside({&all, 1});
  // The test's own heap and stack move between two readings, with a sanitizer by more.
  EXPECT_NEAR(static_cast<double>(after - rest), kBytes / 2.0, 256 << 10);
}

// All private dirty memory is in private writable mappings: the kernel's own sum says the same.
TEST_F(PrivatePages, TogetherTheyAreWhatTheRollupSays) {
  write(kBytes / 4);
  const auto rollup = static_cast<double>(read_memory_rollup(child_)->private_dirty);
  EXPECT_NEAR(static_cast<double>(outside({})), rollup, 0.02 * rollup + 64 * 4096);
}

TEST(PrivateBytesOutside, NobodyThere) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  const auto result = anonymous_pages_outside(child, {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace cowslip::memory
