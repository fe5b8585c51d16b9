// The lines of a /metrics page under construction: Prometheus's text format, version 0.0.4.
//
//     # HELP redis_up Whether the server answers.
//     # TYPE redis_up gauge
//     redis_up 1
//
// All samples of a family follow its family() call. Not thread-safe.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace cowslip::server {

enum class MetricType { kGauge, kCounter, kHistogram, kSummary };

class PrometheusText {
 public:
  struct Label {
    std::string_view name;
    std::string_view value;  // anything: it is escaped
  };

  // `help` is one line without a backslash.
  void family(std::string_view name, MetricType type, std::string_view help);
  // A sample of the last family. `suffix` is that of a histogram's or summary's parts.
  template <typename Number>
  void sample(Number value, std::initializer_list<Label> labels = {}, std::string_view suffix = "") {
    start(labels, suffix);
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
  }
  // A family of one sample without labels.
  template <typename Number>
  void single(std::string_view name, MetricType type, std::string_view help, Number value) {
    family(name, type, help);
    sample(value);
  }
  std::string take() { return std::move(text_); }

 private:
  void start(std::initializer_list<Label> labels, std::string_view suffix);

  std::string text_;
  std::string name_;
};

}  // namespace cowslip::server
