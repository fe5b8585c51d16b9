// cow-history.jsonl: what is written is what is read, whatever a crash, a full disk or another program left there.
#include "persistence/save_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "persistence/save_record_json.h"
#include "tests/unit/base/temp_folder.h"

namespace cowslip::persistence {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}
void add_to_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::app) << text;
}
size_t lines_in(const std::string& text) {
  return static_cast<size_t>(std::ranges::count(text, '\n'));
}

TimelinePoint some_point(int64_t at_ms) {
  return {.at_ms = at_ms,
          .parent_resident = 1u << 30,
          .parent_proportional = 1u << 29,
          .child_resident = 1u << 28,
          .child_proportional = 1u << 27,
          .copied = 4096,
          .fresh = 8192,
          .growth = -5,
          .parent_minor_faults = 17,
          .keys_written = 3,
          .bytes_written = 4,
          .writes_per_second = 0.1,
          .latency_p50_us = 5,
          .latency_p99_us = 6,
          .latency_p999_us = 7,
          .cgroup_usage = 8,
          .cgroup_limit = 9,
          .forecast_growth = at_ms > 0 ? std::optional<int64_t>(10) : std::nullopt,
          .forecast_duration_ms = 11};
}

SaveRecord some_record(uint64_t id) {
  SaveRecord record;
  record.id = id;
  record.reason = "save point 60 10000";
  record.result = SaveResult::kKilled;
  record.error = "a \"quoted\" name";
  record.to_socket = true;
  record.started_unix_ms = 1'700'000'000'123;
  record.duration_ms = 4321;
  record.fork_us = 987;
  record.keys_total = UINT64_MAX;
  record.keys_written = 6;
  record.bytes_written = 7;
  record.dataset_bytes = 8;
  record.parent_resident_at_fork = 9;
  record.page_tables_at_fork = 10;
  record.huge_pages = true;
  record.changes = 11;
  record.keys_added = -3;
  record.copied_peak = 12;
  record.copied_total = 13;
  record.fresh = 14;
  record.reused = 15;
  record.growth_peak = -16;
  record.growth_end = INT64_MIN;
  record.minor_faults = 18;
  record.causes = {{.command = "config|set",
                    .database = -1,
                    .kind = "metadata",
                    .reason = "in_place",
                    .copied = 1,
                    .fresh = 2,
                    .reused = 3,
                    .blocks = 4},
                   {}};
  record.cross_check.ledger_copied = 100;
  record.cross_check.outside_copied = 5;
  record.cross_check.rollup_copied = 104;
  record.cross_check.process_growth = -7;
  record.cross_check.rollup_difference = -4.0 / 104;
  record.forecasts = {{.progress = 0.25, .growth = 3, .duration_ms = 4, .growth_error = -0.5, .duration_error = {}}};
  record.timeline = {some_point(0), some_point(100), some_point(200)};
  return record;
}

// Everything in it, for comparing: what is not in the line, the round trip of the line shows.
std::string text_of(const SaveRecord& record) {
  return to_json_line(record);
}

class SaveHistory : public testing::Test {
 protected:
  SaveHistory() { EXPECT_TRUE(log_.set_file(log_path_)); }
  std::vector<uint64_t> ids(const SaveHistoryFile::Loaded& loaded) {
    std::vector<uint64_t> all;
    for (const SaveRecord& record : loaded.records) all.push_back(record.id);
    return all;
  }
  SaveHistoryFile::Place place(uint64_t max_bytes = 1 << 20) { return {folder_.path(), max_bytes}; }
  void write(uint64_t id, uint64_t max_bytes = 1 << 20) {
    file_.append(place(max_bytes), some_record(id));
    file_.flush();
  }
  SaveHistoryFile::Loaded load(size_t count = 100) { return file_.load(folder_.path(), count); }
  std::string log() { return read_file(log_path_); }

  TempFolder folder_;
  TempFolder elsewhere_;
  const std::string log_path_ = elsewhere_.file("log");
  const std::string path_ = folder_.file(kHistoryFileName);
  Logger log_;
  SaveHistoryFile file_{log_};
};

TEST(SaveRecordJson, RoundTrip) {
  const SaveRecord record = some_record(5);
  const std::string line = to_json_line(record);
  EXPECT_EQ(lines_in(line), 0u);
  const auto back = from_json_line(line);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(text_of(*back), line);
  // Some by hand, for a field that neither writes nor reads would not be missed above.
  EXPECT_EQ(back->keys_total, UINT64_MAX);
  EXPECT_EQ(back->growth_end, INT64_MIN);
  EXPECT_EQ(back->error, record.error);
  EXPECT_EQ(back->result, SaveResult::kKilled);
  EXPECT_TRUE(back->to_socket && back->huge_pages);
  ASSERT_EQ(back->timeline.size(), 3u);
  EXPECT_EQ(back->timeline[2].latency_p999_us, 7);
  EXPECT_EQ(back->timeline[2].growth, -5);
  EXPECT_EQ(back->timeline[2].writes_per_second, 0.1);
  EXPECT_FALSE(back->timeline[0].forecast_growth.has_value());
  EXPECT_EQ(back->timeline[1].forecast_growth, 10);
  ASSERT_EQ(back->causes.size(), 2u);
  EXPECT_EQ(back->causes[0].command, "config|set");
  EXPECT_EQ(back->causes[0].blocks, 4u);
  EXPECT_EQ(back->cross_check.rollup_difference, record.cross_check.rollup_difference);
  EXPECT_EQ(back->cross_check.outside_copied, 5u);
  EXPECT_FALSE(back->cross_check.cgroup_growth.has_value());
  EXPECT_EQ(back->forecasts.at(0).growth_error, -0.5);
}

TEST(SaveRecordJson, BytesThatAreNoText) {
  SaveRecord record;
  record.id = 1;
  record.error = "name \xff\xfe";
  const auto back = from_json_line(to_json_line(record));
  ASSERT_TRUE(back.has_value());
  EXPECT_THAT(back->error, testing::StartsWith("name "));
}

TEST(SaveRecordJson, ControlCharactersBecomeSpaces) {
  SaveRecord record = some_record(1);
  record.reason = "a\x1b[2Jreason\r\n";
  record.error = "an\terror\x7f in a café";
  record.causes[0].command = "set\nget";
  const std::string line = to_json_line(record);
  EXPECT_EQ(lines_in(line), 0u);
  const auto back = from_json_line(line);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->reason, "a [2Jreason  ");
  EXPECT_EQ(back->error, "an error  in a café");
  EXPECT_EQ(back->causes[0].command, "set get");
}

TEST(SaveRecordJson, ValuesThatCannotBe) {
  constexpr int64_t kTwoYearsMs = int64_t{2} * 366 * 24 * 3600 * 1000;
  const auto refused = [](auto&& spoil) {
    SaveRecord record = some_record(5);
    spoil(record);
    return !from_json_line(to_json_line(record)).has_value();
  };
  EXPECT_FALSE(refused([](SaveRecord& record) { record.id = (uint64_t{1} << 53) - 1; }));
  EXPECT_TRUE(refused([](SaveRecord& record) { record.id = uint64_t{1} << 53; }));
  EXPECT_TRUE(refused([](SaveRecord& record) { record.id = UINT64_MAX; })) << "the next number would be 0";
  EXPECT_TRUE(refused([](SaveRecord& record) { record.id = 0; }));
  for (const int64_t value : {int64_t{-1}, kTwoYearsMs}) {
    EXPECT_TRUE(refused([&](SaveRecord& record) { record.duration_ms = value; })) << value;
    EXPECT_TRUE(refused([&](SaveRecord& record) { record.timeline[1].at_ms = value; })) << value;
  }
  EXPECT_TRUE(refused([](SaveRecord& record) { record.forecasts[0].duration_ms = -1; }));
  EXPECT_TRUE(refused([](SaveRecord& record) { record.fork_us = -1; }));
  EXPECT_TRUE(refused([&](SaveRecord& record) { record.fork_us = kTwoYearsMs * 1000; }));
  EXPECT_TRUE(refused([](SaveRecord& record) { record.started_unix_ms = -1; }));
  EXPECT_TRUE(refused([](SaveRecord& record) { record.started_unix_ms = INT64_MAX; }));
}

TEST(SaveRecordJson, WhatItIsNot) {
  const std::string line = to_json_line(some_record(5));
  for (size_t length = 0; length < line.size(); length += 7) {
    EXPECT_FALSE(from_json_line(line.substr(0, length)).has_value()) << length;
  }
  for (const char* text :
       {"", "{}", "[]", "null", "7", "{\"v\":1}", "{\"v\":2,\"id\":1}", "{\"id\":1}", R"({"v":1,"id":"one"})",
        R"({"v":1,"id":-1})", R"({"v":1,"id":1,"result":"odd"})", R"({"v":1,"id":1,"causes":{}})",
        R"({"v":1,"id":1,"causes":[1]})", R"({"v":1,"id":1,"causes":[{"database":99999999999}]})",
        R"({"v":1,"id":1,"timeline":{"columns":["at_ms"],"points":[[1,2]]}})", R"({"v":1,"id":1,"cross_check":3})"}) {
    EXPECT_FALSE(from_json_line(text).has_value()) << text;
  }
}

// A later version may add columns and fields, an earlier one may have had fewer.
TEST(SaveRecordJson, FieldsByNameNotByPlace) {
  const auto record = from_json_line(
      R"({"new":[1],"timeline":{"points":[[9,true,5]],"columns":["copied","new","at_ms"]},"id":3,"v":1})");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->id, 3u);
  ASSERT_EQ(record->timeline.size(), 1u);
  EXPECT_EQ(record->timeline[0].copied, 9u);
  EXPECT_EQ(record->timeline[0].at_ms, 5);
}

TEST_F(SaveHistory, NothingThereIsInOrder) {
  const auto loaded = load();
  EXPECT_TRUE(loaded.records.empty());
  EXPECT_EQ(loaded.highest_id, 0u);
  EXPECT_EQ(log(), "");
}

TEST_F(SaveHistory, TheNewestInTheirOrder) {
  for (uint64_t id = 1; id <= 5; id++) write(id);
  EXPECT_EQ(lines_in(read_file(path_)), 5u);
  EXPECT_THAT(ids(load()), ElementsAre(1, 2, 3, 4, 5));
  const auto two = load(2);
  EXPECT_THAT(ids(two), ElementsAre(4, 5));
  EXPECT_EQ(two.highest_id, 5u);
  EXPECT_EQ(text_of(two.records[1]), to_json_line(some_record(5)));
}

TEST_F(SaveHistory, TheDestructorWritesWhatIsLeft) {
  {
    SaveHistoryFile file(log_);
    for (uint64_t id = 1; id <= 20; id++) file.append(place(), some_record(id));
  }
  EXPECT_EQ(ids(load()).size(), 20u);
}

TEST_F(SaveHistory, ATornLineCostsItselfOnly) {
  write(1);
  const std::string line = to_json_line(some_record(2));
  add_to_file(path_, line.substr(0, line.size() / 2));
  EXPECT_THAT(ids(load()), ElementsAre(1));
  EXPECT_THAT(log(), HasSubstr("lines passed over that make no sense, torn by a crash or of another program: 1"));
  write(3);
  EXPECT_THAT(ids(load()), ElementsAre(1, 3));
}

TEST_F(SaveHistory, LinesOfSomebodyElse) {
  add_to_file(path_, std::string("\n\nhello\n\0\xff\n{\"id\":12}\n", 21));
  write(2);
  const auto loaded = load();
  EXPECT_THAT(ids(loaded), ElementsAre(2));
  EXPECT_EQ(loaded.skipped, 3u);
}

TEST_F(SaveHistory, TheFileIsRenamedBeforeItIsTooLarge) {
  const uint64_t most = 3 * (to_json_line(some_record(1)).size() + 1) + 10;
  for (uint64_t id = 1; id <= 8; id++) {
    write(id, most);
    EXPECT_LE(std::filesystem::file_size(path_), most);
  }
  // 1 to 3 went with the second renaming.
  EXPECT_THAT(ids(load()), ElementsAre(4, 5, 6, 7, 8));
  EXPECT_THAT(ids(load(4)), ElementsAre(5, 6, 7, 8));
  EXPECT_EQ(lines_in(read_file(path_ + ".1")), 3u);
  EXPECT_EQ(lines_in(read_file(path_)), 2u);
}

TEST_F(SaveHistory, ALineLargerThanTheLimitIsWrittenAll) {
  write(1, 10);
  write(2, 10);
  EXPECT_THAT(ids(load()), ElementsAre(1, 2));
}

TEST_F(SaveHistory, OneWarningUntilItWorksAgain) {
  std::filesystem::create_directory(path_);
  for (uint64_t id = 1; id <= 3; id++) write(id);
  EXPECT_THAT(log(), HasSubstr("The history of saves cannot be written"));
  EXPECT_EQ(lines_in(log()), 1u);
  std::filesystem::remove(path_);
  write(4);
  EXPECT_EQ(lines_in(log()), 1u);
  EXPECT_THAT(ids(load()), ElementsAre(4));
  std::filesystem::remove_all(folder_.path());
  write(5);
  EXPECT_EQ(lines_in(log()), 2u);
}

TEST_F(SaveHistory, AFileThatCannotBeReadIsSaid) {
  std::filesystem::create_directory(path_);
  EXPECT_TRUE(load().records.empty());
  EXPECT_THAT(log(), HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace cowslip::persistence
