// SNAPSHOT's replies and words from records made by hand: every figure where it belongs, in both protocol versions.
#include "server/admin/snapshot_replies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/admin/snapshot_words.h"
#include "tests/unit/server/parsed_reply.h"

namespace cowslip::server {
namespace {

using cowslip::testing::Reply;
using persistence::CauseRow;
using persistence::Forecast;
using persistence::SaveRecord;
using persistence::SaveResult;
using persistence::TimelinePoint;
using persistence::Verdict;
using ::testing::HasSubstr;
using ::testing::StartsWith;

template <typename Write>
Reply written(int version, Write write) {
  std::string bytes;
  protocol::ReplyWriter writer(bytes, version);
  write(writer);
  std::string_view left = bytes;
  Reply reply = cowslip::testing::take_reply(left);
  EXPECT_EQ(left, "") << "more than one reply";
  return reply;
}

template <typename Write>
Reply in_resp3(Write write) {
  return written(protocol::kResp3, write);
}

const Reply& field(const Reply& map, std::string_view name) {
  static const Reply kMissing = Reply::error("missing");
  const Reply* value = map.find(name);
  EXPECT_NE(value, nullptr) << name;
  return value == nullptr ? kMissing : *value;
}
int64_t number(const Reply& map, std::string_view name) {
  const Reply& value = field(map, name);
  EXPECT_TRUE(value.is_integer()) << name << " is " << value;
  return value.integer;
}
const std::string& text(const Reply& map, std::string_view name) {
  return field(map, name).text;
}

CauseRow cause(std::string command, uint64_t copied, uint64_t fresh) {
  CauseRow row;
  row.command = std::move(command);
  row.database = 0;
  row.kind = "entry";
  row.reason = "fresh_write";
  row.copied = copied;
  row.fresh = fresh;
  row.reused = 11;
  row.blocks = 12;
  return row;
}

// A point in which no two figures are the same.
TimelinePoint point(int64_t at_ms) {
  TimelinePoint p;
  p.at_ms = at_ms;
  p.parent_resident = 1001;
  p.parent_proportional = 1002;
  p.child_resident = 1003;
  p.child_proportional = 1004;
  p.copied = 1005;
  p.fresh = 1006;
  p.growth = 1007;
  p.parent_minor_faults = 1008;
  p.keys_written = 1009;
  p.bytes_written = 1010;
  p.writes_per_second = 1010.6;
  p.latency_p50_us = 12;
  p.latency_p99_us = 13;
  p.latency_p999_us = 14;
  p.cgroup_usage = 1015;
  p.cgroup_limit = 1016;
  return p;
}

SaveRecord running_save() {
  SaveRecord save;
  save.id = 3;
  save.reason = "BGSAVE command";
  save.started_unix_ms = 1700000000000;
  save.duration_ms = 840;
  save.fork_us = 1100;
  save.keys_total = 1000;
  save.keys_written = 250;
  save.bytes_written = 25000;
  save.parent_resident_at_fork = 900;
  save.copied_peak = 7;
  save.copied_total = 2048;
  save.fresh = 6144;
  save.reused = 9;
  save.growth_peak = 1536;
  save.minor_faults = 10;
  save.changes = 77;
  save.causes = {cause("set", 2048, 4096), cause("append", 0, 2048), cause("del", 0, 0), cause("expire", 0, 0)};
  save.causes[3].database = -1;
  save.cross_check.rollup_difference = -0.01234567;
  save.timeline = {point(100), point(200)};
  save.timeline[0].latency_p999_us = 5000;
  return save;
}

Forecast half_way() {
  Forecast forecast;
  forecast.learned_from = 2;
  forecast.basis = "the last 2 saves";
  forecast.progress = 0.5;
  forecast.fork_us = 1100;
  forecast.duration_ms = 1680;
  forecast.remaining_ms = 840;
  forecast.growth = 3007;
  forecast.growth_low = 2000;
  forecast.growth_high = 4000;
  forecast.peak_memory = 5000;
  return forecast;
}

Verdict limited(uint64_t headroom) {
  Verdict verdict;
  verdict.limit_name = "cgroup v2 limit";
  verdict.limit = 1 << 20;
  verdict.headroom = headroom;
  verdict.reason = "of the next save";
  return verdict;
}

SnapshotView view_of(const SaveRecord* save) {
  SnapshotView view;
  view.save = save;
  view.next = half_way();
  view.next.progress = 0;
  view.next.growth = 111;
  view.verdict = limited(5000);
  view.writes_per_second = 1234.56;
  return view;
}

Reply status(const SnapshotView& view) {
  return in_resp3([&](protocol::ReplyWriter& reply) { reply_status(reply, view); });
}

TEST(SnapshotStatus, WithoutASaveSaysHowToMakeOneAndWhatItWouldCost) {
  const Reply map = status(view_of(nullptr));
  EXPECT_THAT(text(map, "summary"), HasSubstr("BGSAVE"));
  EXPECT_EQ(text(map, "state"), "none");
  EXPECT_EQ(map.find("id"), nullptr);
  EXPECT_EQ(map.find("top_causes"), nullptr);
  EXPECT_EQ(text(map, "forecast_of"), "a save that begins now");
  EXPECT_EQ(number(map, "forecast_growth_bytes"), 111);
  EXPECT_EQ(text(map, "writes_per_second"), "1234.6");
  EXPECT_EQ(text(map, "verdict"), "of the next save");
}

TEST(SnapshotStatus, OfARunningSaveHasItsFiguresAndItsForecast) {
  const SaveRecord save = running_save();
  SnapshotView view = view_of(&save);
  view.running = half_way();
  view.guard = {.waiting = true, .retry_in_ms = 31, .stopped = 32, .refused = 33, .deferred = 34, .last_reason = "why"};
  const Reply map = status(view);
  EXPECT_EQ(map.kind, Reply::Kind::kMap);
  EXPECT_EQ(
      text(map, "summary"),
      "Save 3 (BGSAVE command) is 50 % done after 840 ms, about 840 ms to go. Memory has grown by 1007 B, and the "
      "kernel has copied 2.0 KB.");
  EXPECT_EQ(text(map, "state"), "running");
  EXPECT_EQ(text(map, "target"), "file");
  EXPECT_EQ(map.find("error"), nullptr);
  const std::pair<std::string_view, int64_t> figures[] = {
      {"id", 3},
      {"started_unix_ms", 1700000000000},
      {"elapsed_ms", 840},
      {"remaining_ms", 840},
      {"fork_us", 1100},
      {"keys_written", 250},
      {"keys_total", 1000},
      {"bytes_written", 25000},
      {"parent_resident_at_fork_bytes", 900},
      {"parent_resident_bytes", 1001},
      {"child_resident_bytes", 1003},
      {"growth_bytes", 1007},
      {"growth_peak_bytes", 1536},
      {"copied_bytes", 2048},
      {"copied_peak_bytes", 7},
      {"fresh_bytes", 6144},
      {"reused_bytes", 9},
      {"minor_faults", 10},
      {"changes", 77},
      {"latency_p50_us", 12},
      {"latency_p99_us", 13},
      {"latency_p999_us", 14},
      {"latency_worst_p999_us", 5000},
      {"forecast_fork_us", 1100},
      {"forecast_duration_ms", 1680},
      {"forecast_growth_bytes", 3007},
      {"forecast_growth_low_bytes", 2000},
      {"forecast_growth_high_bytes", 4000},
      {"forecast_peak_memory_bytes", 5000},
      {"limit_bytes", 1 << 20},
      {"headroom_bytes", 5000},
      {"guard_retry_in_ms", 31},
      {"guard_stopped", 32},
      {"guard_refused", 33},
      {"guard_deferred", 34},
  };
  for (const auto& [name, value] : figures) EXPECT_EQ(number(map, name), value) << name;
  EXPECT_EQ(text(map, "progress"), "0.5");
  EXPECT_EQ(text(map, "limit"), "cgroup v2 limit");
  EXPECT_EQ(text(map, "forecast_of"), "this save");
  EXPECT_EQ(text(map, "guard"), "on");
  EXPECT_EQ(field(map, "guard_waiting").integer, 1);
  EXPECT_EQ(text(map, "guard_last_reason"), "why");
  EXPECT_EQ(text(map, "cross_check_smaps_difference"), "-0.0123");
  EXPECT_TRUE(field(map, "cross_check_cgroup_difference").is_null());
}

TEST(SnapshotStatus, TooEarlyForAForecastHasNone) {
  const SaveRecord save = running_save();
  const Reply map = status(view_of(&save));
  EXPECT_THAT(text(map, "summary"), HasSubstr("too early to tell"));
  EXPECT_EQ(map.find("remaining_ms"), nullptr);
  EXPECT_EQ(text(map, "progress"), "0.25");
  EXPECT_EQ(text(map, "forecast_of"), "this save");
  for (const char* name :
       {"forecast_fork_us", "forecast_duration_ms", "forecast_growth_bytes", "forecast_growth_low_bytes",
        "forecast_growth_high_bytes", "forecast_peak_memory_bytes", "fits"}) {
    EXPECT_TRUE(field(map, name).is_null()) << name;
  }
  EXPECT_EQ(text(map, "verdict"), "too early to tell");
  EXPECT_EQ(number(map, "headroom_bytes"), 5000);
}

TEST(SnapshotStatus, HasLatencyInsideAndOutsideOfSaves) {
  SnapshotView view = view_of(nullptr);
  view.inside = {10, 21, 22, 23, 24};
  const Reply map = status(view);
  EXPECT_EQ(number(map, "latency_inside_p50_us"), 21);
  EXPECT_EQ(number(map, "latency_inside_p99_us"), 22);
  EXPECT_EQ(number(map, "latency_inside_p999_us"), 23);
  EXPECT_EQ(number(map, "latency_inside_max_us"), 24);
  EXPECT_EQ(map.find("latency_outside_p50_us"), nullptr) << "no command has run there";
}

TEST(SnapshotStatus, NamesTheThreeLargestCauses) {
  const SaveRecord save = running_save();
  const Reply map = status(view_of(&save));
  EXPECT_EQ(field(map, "top_causes").strings(),
            (std::vector<std::string>{"set in db0, entry, fresh write: 6.0 KB (75.0 %)",
                                      "append in db0, entry, fresh write: 2.0 KB (25.0 %)",
                                      "del in db0, entry, fresh write: 0 B (0.0 %)"}));
}

TEST(SnapshotStatus, IsAFlatArrayInResp2) {
  const SaveRecord save = running_save();
  const SnapshotView view = view_of(&save);
  const auto write = [&](protocol::ReplyWriter& reply) { reply_status(reply, view); };
  const Reply in2 = written(protocol::kResp2, write);
  const Reply in3 = written(protocol::kResp3, write);
  EXPECT_EQ(in2.kind, Reply::Kind::kArray);
  ASSERT_EQ(in2.elements.size(), in3.elements.size());
  for (size_t i = 0; i < in2.elements.size(); i += 2) EXPECT_EQ(in2.elements[i], in3.elements[i]);
  EXPECT_EQ(field(in2, "progress"), Reply::bulk("0.25"));
  const auto of_the_next = [](protocol::ReplyWriter& reply) { reply_status(reply, view_of(nullptr)); };
  EXPECT_EQ(field(written(protocol::kResp2, of_the_next), "fits"), Reply::of_integer(1));
  EXPECT_EQ(field(written(protocol::kResp3, of_the_next), "fits").kind, Reply::Kind::kBoolean);
}

TEST(SnapshotVerdict, OfARunningSaveIsAboutWhatItStillNeeds) {
  const SaveRecord save = running_save();  // 1007 of the 3007 bytes have come
  EXPECT_TRUE(verdict_of_running(save, half_way(), limited(2000)).fits);
  const Verdict tight = verdict_of_running(save, half_way(), limited(1999));
  EXPECT_FALSE(tight.fits);
  EXPECT_EQ(tight.reason,
            "2.0 KB more are expected to be needed, and 2.0 KB are left before the cgroup v2 limit of 1.0 MB");
  EXPECT_TRUE(verdict_of_running(save, half_way(), Verdict{}).fits);
}

TEST(SnapshotStatus, WithoutALimitHasNoHeadroom) {
  SnapshotView view = view_of(nullptr);
  view.verdict = Verdict{};
  const Reply map = status(view);
  EXPECT_EQ(text(map, "limit"), "no limit");
  EXPECT_EQ(map.find("headroom_bytes"), nullptr);
}

TEST(SnapshotForecast, TellsWhatItWasLearnedFrom) {
  SaveRecord past = running_save();
  past.result = SaveResult::kOk;
  past.forecasts = {{0, 1, 1, -0.5, 0.25}, {0.25, 1, 1, 9.0, 9.0}};
  const SnapshotView view = view_of(&past);
  const auto with = [&](const std::deque<SaveRecord>& history) {
    return in_resp3([&](protocol::ReplyWriter& reply) { reply_forecast(reply, view, history); });
  };
  const Reply map = with({past});
  EXPECT_EQ(text(map, "summary"),
            "A save now would pause the server for about 1.1 ms and take about 1.7 s. Memory would grow by about 111 B "
            "(between 2.0 KB and 3.9 KB), to 4.9 KB at its peak.");
  EXPECT_EQ(number(map, "learned_from_saves"), 2);
  EXPECT_EQ(text(map, "basis"), "the last 2 saves");
  EXPECT_EQ(text(map, "past_growth_error"), "0.5");
  EXPECT_EQ(text(map, "past_duration_error"), "0.25");
  EXPECT_EQ(text(map, "verdict"), "of the next save");
  EXPECT_TRUE(field(with({}), "past_growth_error").is_null());
}

TEST(SnapshotForecast, WithoutHistorySaysSo) {
  Forecast forecast = half_way();
  forecast.learned_from = 0;
  EXPECT_THAT(forecast_words(forecast), StartsWith("No save is known to learn from, so this is assumed: a save"));
}

TEST(SnapshotHistory, TheNewestFirst) {
  std::deque<SaveRecord> history;
  for (uint64_t id = 1; id <= 3; ++id) {
    history.push_back(running_save());
    history.back().id = id;
    history.back().result = SaveResult::kOk;
  }
  history[1].result = SaveResult::kError;
  history[1].error = "No space left on device";
  const auto rows = [&](size_t count) {
    return in_resp3([&](protocol::ReplyWriter& reply) { reply_history(reply, history, count); });
  };
  ASSERT_EQ(rows(10).elements.size(), 3u);
  EXPECT_EQ(rows(0).elements.size(), 0u);
  const Reply two = rows(2);
  ASSERT_EQ(two.elements.size(), 2u);
  EXPECT_EQ(number(two.elements[0], "id"), 3);
  EXPECT_EQ(text(two.elements[0], "state"), "ok");
  EXPECT_EQ(two.elements[0].find("error"), nullptr);
  EXPECT_EQ(number(two.elements[1], "id"), 2);
  EXPECT_EQ(text(two.elements[1], "state"), "error");
  EXPECT_EQ(text(two.elements[1], "error"), "No space left on device");
  EXPECT_THAT(text(two.elements[1], "summary"), HasSubstr("failed after 840 ms: No space left on device."));
}

TEST(SnapshotCauses, HaveSharesOfTheWhole) {
  const SaveRecord save = running_save();
  const Reply map = in_resp3([&](protocol::ReplyWriter& reply) { reply_causes(reply, &save); });
  EXPECT_EQ(number(map, "id"), 3);
  EXPECT_EQ(number(map, "copied_bytes"), 2048);
  const Reply& causes = field(map, "causes");
  ASSERT_EQ(causes.elements.size(), 4u);
  const Reply& set = causes.elements[0];
  EXPECT_EQ(text(set, "command"), "set");
  EXPECT_EQ(number(set, "db"), 0);
  EXPECT_EQ(text(set, "kind"), "entry");
  EXPECT_EQ(text(set, "reason"), "fresh_write");
  EXPECT_EQ(number(set, "copied_bytes"), 2048);
  EXPECT_EQ(number(set, "fresh_bytes"), 4096);
  EXPECT_EQ(number(set, "reused_bytes"), 11);
  EXPECT_EQ(number(set, "blocks"), 12);
  EXPECT_EQ(text(set, "share_percent"), "75");
  EXPECT_EQ(number(causes.elements[3], "db"), -1);
}

TEST(SnapshotTimeline, EveryFieldHasAColumn) {
  SaveRecord save = running_save();
  save.timeline[1].forecast_growth = 1017;
  save.timeline[1].forecast_duration_ms = 1018;
  const Reply map = in_resp3([&](protocol::ReplyWriter& reply) { reply_timeline(reply, &save); });
  const auto columns = field(map, "columns").strings();
  const Reply& points = field(map, "points");
  ASSERT_EQ(points.elements.size(), 2u);
  const int64_t expected[] = {200,  1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009,
                              1010, 1011, 12,   13,   14,   1015, 1016, 1017, 1018};
  ASSERT_EQ(columns.size(), std::size(expected));
  for (size_t i = 0; i < columns.size(); ++i) {
    EXPECT_EQ(points.elements[1].elements.at(i), Reply::of_integer(expected[i])) << columns[i];
  }
  EXPECT_TRUE(points.elements[0].elements.at(17).is_null());
}

TEST(SnapshotReplies, WithoutASaveAreEmpty) {
  for (const auto reply : {reply_causes, reply_timeline}) {
    const Reply map = in_resp3([&](protocol::ReplyWriter& writer) { reply(writer, nullptr); });
    EXPECT_EQ(number(map, "id"), 0);
    EXPECT_EQ(text(map, "state"), "none");
    EXPECT_TRUE(map.elements.back().elements.empty());
  }
}

TEST(SnapshotWords, CopiedIsTheFieldOfThatName) {
  SaveRecord save = running_save();
  save.copied_peak = 4096;
  EXPECT_THAT(save_words(save, nullptr), HasSubstr("copied 2.0 KB"));
}

TEST(SnapshotWords, OfOneThatDidNotEndWellSayWhyOnce) {
  SaveRecord save = running_save();
  save.result = SaveResult::kStoppedByGuard;
  save.error = "it had made memory grow by 9.0 MB";
  EXPECT_THAT(save_words(save, nullptr),
              HasSubstr("was stopped by the guard after 840 ms: it had made memory grow by 9.0 MB. Memory grew"));
  save.result = SaveResult::kCancelled;
  save.error = "";
  EXPECT_THAT(save_words(save, nullptr), HasSubstr("was cancelled after 840 ms. Memory grew"));
}

TEST(SnapshotWords, Durations) {
  EXPECT_EQ(duration_words(0), "0 us");
  EXPECT_EQ(duration_words(999), "999 us");
  EXPECT_EQ(duration_words(1250), "1.2 ms");
  EXPECT_EQ(duration_words(850'000), "850 ms");
  EXPECT_EQ(duration_words(2'540'000), "2.5 s");
  EXPECT_EQ(duration_words(65'000'000), "1 min 05 s");
}

}  // namespace
}  // namespace cowslip::server
