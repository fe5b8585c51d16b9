#include "persistence/rdb_origin.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/harness.h"

namespace cowslip::persistence {
namespace {

using cowslip::testing::TempDir;
using cowslip::testing::write_file;

// REDIS0010, then AUX fields "redis-ver" 7.2.1 and "used-mem" as a 32-bit integer, then database 0.
const std::string kStart = std::string("REDIS0010") + "\xfa\x09redis-ver\x05" + "7.2.1" + "\xfa\x08used-mem\xc2" +
                           std::string("\x00\x00\x10\x00", 4);

Result<RdbOrigin> origin_of(const std::string& bytes) {
  const TempDir folder;
  write_file(folder.file("dump.rdb"), bytes);
  return read_rdb_origin(real_file_system(), folder.file("dump.rdb"));
}

TEST(RdbOrigin, IsReadFromTheAuxFieldsInFront) {
  const std::string bytes = kStart + std::string("\xfe\x00", 2) + std::string(100'000, '?');
  const auto origin = origin_of(bytes);
  ASSERT_TRUE(origin.has_value()) << origin.error().message;
  EXPECT_EQ(origin->server_version, "7.2.1");
  EXPECT_EQ(origin->used_memory_bytes, 1u << 20);
  EXPECT_EQ(origin->file_bytes, bytes.size());
}

TEST(RdbOrigin, MayBeUnknown) {
  const auto origin = origin_of("REDIS0010" + std::string("\xfe\x00", 2));
  ASSERT_TRUE(origin.has_value()) << origin.error().message;
  EXPECT_EQ(origin->server_version, "");
  EXPECT_EQ(origin->used_memory_bytes, 0u);
}

TEST(RdbOrigin, WhatIsNoSnapshotIsAnError) {
  EXPECT_FALSE(origin_of("").has_value());
  EXPECT_FALSE(origin_of("GARBAGE010 and more of it").has_value());
  EXPECT_FALSE(origin_of(kStart).has_value()) << "cut behind the fields";
  EXPECT_EQ(read_rdb_origin(real_file_system(), "/nowhere/dump.rdb").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace cowslip::persistence
