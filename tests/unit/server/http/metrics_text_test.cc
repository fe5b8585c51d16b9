#include <gtest/gtest.h>

#include "server/http/info_lines.h"
#include "server/http/prometheus_text.h"

namespace cowslip::server {
namespace {

TEST(PrometheusText, FamiliesAndSamples) {
  PrometheusText text;
  text.single("up", MetricType::kGauge, "Whether it answers.", 1);
  text.family("calls_total", MetricType::kCounter, "Calls.");
  text.sample(uint64_t{18446744073709551615u}, {{"cmd", "get"}, {"db", "0"}});
  text.sample(0.25, {}, "_sum");
  EXPECT_EQ(text.take(),
            "# HELP up Whether it answers.\n# TYPE up gauge\nup 1\n"
            "# HELP calls_total Calls.\n# TYPE calls_total counter\n"
            "calls_total{cmd=\"get\",db=\"0\"} 18446744073709551615\ncalls_total_sum 0.25\n");
}

TEST(PrometheusText, ValuesOfLabelsCannotEndThem) {
  PrometheusText text;
  text.family("errors", MetricType::kGauge, "Errors.");
  text.sample(1, {{"err", "a\"b\\c\nd"}});
  EXPECT_TRUE(text.take().ends_with("errors{err=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(InfoLines, ValuesAsNumbers) {
  const auto lines =
      split_info("# Stats\r\na:12\r\nb:1.5%\r\nc:ok\r\nd:err\r\ne:x\r\nf:\r\n\r\n# More\r\na:13\r\nlast:7");
  EXPECT_EQ(info_value(lines, "a"), 12);
  EXPECT_EQ(info_value(lines, "b"), 1.5);
  EXPECT_EQ(info_value(lines, "c"), 1);
  EXPECT_EQ(info_value(lines, "d"), 0);
  EXPECT_EQ(info_value(lines, "e"), std::nullopt);
  EXPECT_EQ(info_value(lines, "f"), std::nullopt);
  EXPECT_EQ(info_value(lines, "g"), std::nullopt);
  EXPECT_EQ(info_value(lines, "last"), 7);
  EXPECT_EQ(info_text(lines, "e"), "x");
}

TEST(InfoLines, PartsOfAValue) {
  EXPECT_EQ(part_of("calls=3,usec=7,usec_per_call=2.33", "usec"), 7);
  EXPECT_EQ(part_of("calls=3", "usec"), 0);
  EXPECT_EQ(part_of("", "usec"), 0);
}

TEST(InfoLines, LinesWithAPrefix) {
  const auto lines = split_info("cmdstat_get:calls=1\r\ncmd:x\r\ncmdstat_a:calls=2\r\nz:1\r\n");
  std::string seen;
  for_each_with_prefix(lines, "cmdstat_", [&](std::string_view name, std::string_view value) {
    seen += std::string(name) + "=" + std::string(value) + ";";
  });
  EXPECT_EQ(seen, "a=calls=2;get=calls=1;");
}

}  // namespace
}  // namespace cowslip::server
