#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

#include "persistence/snapshot_state.h"

namespace cowslip::persistence {
namespace {

std::set<std::string> redis_fields() {
  std::ifstream file(COWSLIP_SOURCE_DIR "/tests/unit/persistence/data/redis_info_fields.txt");
  std::set<std::string> fields;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') fields.insert(line);
  }
  return fields;
}

TEST(SnapshotInfo, NoNameHoldsTheNameOfARedisField) {
  const auto fields = redis_fields();
  ASSERT_GT(fields.size(), 150u);
  for (const auto& [name, value] : snapshot_info_fields({})) {
    for (const std::string& field : fields)
      EXPECT_EQ(name.find(field), std::string::npos) << name << " holds " << field;
  }
}

TEST(SnapshotInfo, NamesAreOfOneKindAndDifferent) {
  std::set<std::string> names;
  for (const auto& [name, value] : snapshot_info_fields({})) {
    EXPECT_TRUE(name.starts_with("snapshot_")) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(SnapshotInfo, ValuesAreOneLine) {
  SnapshotState state;
  state.last_error = "cannot create /data/a\r\nfake_field:1\n/temp-1.rdb";
  state.last_reason = "SYNC from\nsomebody";
  for (const auto& [name, value] : snapshot_info_fields(state))
    EXPECT_EQ(value.find_first_of("\r\n"), std::string::npos);
}

TEST(SnapshotInfo, SaysWhatWasMeasured) {
  SnapshotState state;
  state.cow.last.copied_bytes = 4096;
  state.cow.last.growth_bytes = -10;
  state.cow.sampling_us = 10;
  state.cow.watched_us = 1000;
  const auto fields = snapshot_info_fields(state);
  const auto value = [&](std::string_view name) {
    const auto at = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
    return at == fields.end() ? "missing" : at->second;
  };
  EXPECT_EQ(value("snapshot_copied_bytes"), "4096");
  EXPECT_EQ(value("snapshot_growth_bytes"), "-10");
  EXPECT_EQ(value("snapshot_sampling_percent"), "1.000");
}

}  // namespace
}  // namespace cowslip::persistence
