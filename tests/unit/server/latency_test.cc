// Spikes, histograms and what is said of them. The histogram's figures are Redis's for the same durations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/admin/latency_report.h"
#include "server/latency_histogram.h"
#include "server/latency_monitor.h"

namespace cowslip::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

LatencyHistogram recorded(std::initializer_list<int64_t> durations_us) {
  LatencyHistogram histogram;
  for (const int64_t duration : durations_us) histogram.record_us(duration);
  return histogram;
}

TEST(LatencyHistogram, PowersOfTwoAreRediss) {
  EXPECT_THAT(recorded({10088, 20099, 31190}).cumulative_by_powers_of_two(),
              ElementsAre(Pair(16908, 1), Pair(33816, 3)));
  EXPECT_THAT(recorded({1, 7, 7, 100, 600}).cumulative_by_powers_of_two(),
              ElementsAre(Pair(1, 1), Pair(8, 3), Pair(132, 4), Pair(1056, 5)));
  EXPECT_THAT(recorded({}).cumulative_by_powers_of_two(), IsEmpty());
}

TEST(LatencyHistogram, TheLongestEndInTheLastBucket) {
  EXPECT_THAT(recorded({999'999, 5'000'000}).cumulative_by_powers_of_two(), ElementsAre(Pair(1'073'741, 2)));
}

TEST(LatencyHistogram, AddsAndClears) {
  LatencyHistogram histogram = recorded({1, 7, 7});
  histogram.add(recorded({100, 600}));
  histogram.record_us(600, 2);
  EXPECT_THAT(histogram.cumulative_by_powers_of_two(),
              ElementsAre(Pair(1, 1), Pair(8, 3), Pair(132, 4), Pair(1056, 7)));
  histogram.clear();
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_THAT(histogram.cumulative_by_powers_of_two(), IsEmpty());
}

TEST(LatencyHistogram, PercentilesAreRediss) {
  EXPECT_EQ(recorded({164}).percentile_ns(50), 164'863);
  EXPECT_EQ(recorded({0}).percentile_ns(50), 1);
  const LatencyHistogram histogram = recorded({1, 2, 3, 4, 5, 6, 7, 8, 9, 1000});
  EXPECT_EQ(histogram.percentile_ns(50), 5'023);
  EXPECT_EQ(histogram.percentile_ns(100), 1'003'519);
  EXPECT_EQ(histogram.percentile_ns(0), 1'003);
  EXPECT_EQ(recorded({}).percentile_ns(50), 0);
}

class LatencyMonitorTest : public testing::Test {
 protected:
  LatencyMonitorTest() { config_.latency_monitor_threshold_ms = 10; }

  ServerConfig config_;
  ManualClock clock_;
  LatencyMonitor monitor_{config_, clock_};
};

TEST_F(LatencyMonitorTest, OnlySpikesCount) {
  monitor_.add("fork", 9'999);
  EXPECT_THAT(monitor_.events(), IsEmpty());
  monitor_.add("fork", 10'000);
  ASSERT_NE(monitor_.find("fork"), nullptr);
  EXPECT_EQ(monitor_.find("fork")->samples.back().duration_ms, 10);
  config_.latency_monitor_threshold_ms = 0;
  monitor_.add("command", 1'000'000);
  EXPECT_EQ(monitor_.find("command"), nullptr);
}

TEST_F(LatencyMonitorTest, TheWorstOfASecondIsKept) {
  for (const int64_t ms : {20, 50, 30}) monitor_.add("fork", ms * 1000);
  clock_.advance_ms(1000);
  monitor_.add("fork", 15'000);
  const LatencyMonitor::Event& event = *monitor_.find("fork");
  ASSERT_EQ(event.samples.size(), 2);
  EXPECT_EQ(event.samples[0].duration_ms, 50);
  EXPECT_EQ(event.samples[1].duration_ms, 15);
  EXPECT_EQ(event.worst_ms, 50);
}

TEST_F(LatencyMonitorTest, OldSamplesGo) {
  for (size_t i = 0; i < LatencyMonitor::kSamples + 5; i++) {
    monitor_.add("fork", static_cast<int64_t>(10 + i) * 1000);
    clock_.advance_ms(1000);
  }
  EXPECT_EQ(monitor_.find("fork")->samples.size(), LatencyMonitor::kSamples);
  EXPECT_EQ(monitor_.find("fork")->samples.front().duration_ms, 15);
}

TEST_F(LatencyMonitorTest, Reset) {
  monitor_.add("a", 20'000);
  monitor_.add("b", 20'000);
  EXPECT_TRUE(monitor_.reset("a"));
  EXPECT_FALSE(monitor_.reset("a"));
  EXPECT_EQ(monitor_.reset_all(), 1);
}

TEST_F(LatencyMonitorTest, CommandsAreEventsAndHistograms) {
  constexpr commands::CommandSpec kGet = {.name = "get", .flags = commands::kFast};
  constexpr commands::CommandSpec kKeys = {.name = "keys"};
  const commands::Command get = {.spec = &kGet, .full_name = "get", .subcommands = {}, .statistics = {}};
  const commands::Command keys = {.spec = &kKeys, .full_name = "keys", .subcommands = {}, .statistics = {}};
  monitor_.add_command(get, 30'000);
  monitor_.add_command(keys, 20'000);
  monitor_.add_command(get, 5);
  EXPECT_EQ(monitor_.find("fast-command")->worst_ms, 30);
  EXPECT_EQ(monitor_.find("command")->worst_ms, 20);
  EXPECT_EQ(monitor_.histogram(get)->count(), 2);
  config_.latency_tracking = false;
  monitor_.add_command(keys, 5);
  EXPECT_EQ(monitor_.histogram(keys)->count(), 1);
  monitor_.reset_histograms();
  EXPECT_FALSE(monitor_.histogram(get).has_value());
}

TEST_F(LatencyMonitorTest, ExecutionsInsideOfSavesAreCountedApart) {
  constexpr commands::CommandSpec kGet = {.name = "get", .flags = commands::kFast};
  constexpr commands::CommandSpec kSet = {.name = "set"};
  const commands::Command get = {.spec = &kGet, .full_name = "get", .subcommands = {}, .statistics = {}};
  const commands::Command set = {.spec = &kSet, .full_name = "set", .subcommands = {}, .statistics = {}};
  monitor_.add_command(get, 5);
  monitor_.set_child_alive(true);
  monitor_.add_command(get, 500);
  monitor_.add_command(get, 600);
  monitor_.add_command(set, 700);
  monitor_.set_child_alive(false);
  monitor_.add_command(get, 6);
  EXPECT_EQ(monitor_.histogram(get)->count(), 4);
  EXPECT_EQ(monitor_.histogram(get, false)->count(), 2);
  EXPECT_EQ(monitor_.histogram(get, true)->count(), 2);
  EXPECT_EQ(monitor_.histogram(set)->count(), 1);
  EXPECT_EQ(monitor_.histogram(set, false), nullptr);
  EXPECT_EQ(monitor_.executions(false).count(), 2);
  EXPECT_EQ(monitor_.executions(true).count(), 3);
  EXPECT_EQ(monitor_.executions(false).percentile_ns(100), 6'015);
  EXPECT_GT(monitor_.executions(true).percentile_ns(1), 499'000);
  monitor_.reset_histograms();
  EXPECT_FALSE(monitor_.histogram(get).has_value());
  EXPECT_EQ(monitor_.executions(true).count(), 0);
}

TEST(LatencyGraph, OneColumnForEachSample) {
  const LatencyMonitor::Event event = {.worst_ms = 120, .samples = {{100, 10}, {160, 65}, {165, 120}}};
  EXPECT_EQ(latency_graph("fork", event, 166), "fork - high 120 ms, low 10 ms (all time high 120 ms)\n" +
                                                   std::string(80, '-') +
                                                   "\n"
                                                   "  #\n"
                                                   " _|\n"
                                                   " ||\n"
                                                   "_||\n"
                                                   "   \n"
                                                   "161\n"
                                                   "mss\n");
}

TEST(LatencyAdvice, NamesWhatWasSlow) {
  EXPECT_THAT(latency_advice({}, {0, 10000}), HasSubstr("not being watched"));
  EXPECT_THAT(latency_advice({}, {100, 10000}), HasSubstr("Nothing has taken 100 ms"));
  const std::map<std::string, LatencyMonitor::Event, std::less<>> events = {{"command", {31, {{100, 31}, {104, 21}}}}};
  const std::string advice = latency_advice(events, {5, 10000});
  EXPECT_THAT(advice, HasSubstr("1. command: 2 latency spikes (average 26ms, mean deviation 5ms, period 2.00 sec). "
                                "Worst all time event 31ms."));
  EXPECT_THAT(advice, HasSubstr("CONFIG SET slowlog-log-slower-than 5000"));
}

std::string advice_about(std::string_view event, std::string_view huge_pages = "on") {
  return latency_advice({{std::string(event), {31, {{100, 31}}}}}, {5, 0, huge_pages});
}

TEST(LatencyAdvice, KnowsEveryEventOfTheServer) {
  using namespace latency_event;
  for (const std::string_view event :
       {kCommand, kFastCommand, kFork, kExpireCycle, kEvictionCycle, kEvictionDel, kActiveDefragCycle,
        kWhileBlockedCron, kRdbUnlinkTempFile, kRdbSave, kRdbFsync, kRdbRename, kRdbLoad, kPageFaultStall}) {
    EXPECT_THAT(advice_about(event), testing::Not(HasSubstr("the operation it names"))) << event;
  }
  EXPECT_THAT(advice_about("huh"), HasSubstr("the operation it names"));
}

TEST(LatencyAdvice, SaysHowToHaveHugePagesOnlyWhereThereAreNone) {
  for (const std::string_view event : {latency_event::kFork, latency_event::kPageFaultStall}) {
    EXPECT_THAT(advice_about(event, "off: forbidden"), HasSubstr("are off: forbidden here: `echo madvise"));
    EXPECT_THAT(advice_about(event, "on"), testing::Not(HasSubstr("echo madvise")));
  }
}

TEST(LatencyAdvice, TellsWhatClientsWaited) {
  EXPECT_EQ(waits_text({}, {}), "");
  const std::string text = waits_text({.count = 10, .p50_us = 1, .p99_us = 2, .p999_us = 3, .max_us = 4}, {});
  EXPECT_THAT(text, HasSubstr("Outside of saves: half of 10 commands within 1 us, 99% within 2 us, 99.9% within 3 us, "
                              "the longest 4 us."));
  EXPECT_THAT(text, testing::Not(HasSubstr("Inside")));
}

}  // namespace
}  // namespace cowslip::server
