// INFO: the text, section by section.
//
// Redis's fields come in Redis's order; what is our own follows in sections of its own. No name of ours may contain the
// name of a Redis field: redis-cli finds fields by a plain substring search (tests/unit/server/info_test.cc checks).
// Event loop only.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cowslip::server {

class Server;

// The lines of INFO under construction.
class InfoText {
 public:
  void section(std::string_view name) { text_ += fmt::format("{}# {}\r\n", text_.empty() ? "" : "\r\n", name); }
  template <typename T>
  void field(std::string_view name, const T& value) {
    fmt::format_to(std::back_inserter(text_), "{}:{}\r\n", name, value);
  }
  void percent(std::string_view name, double value) { field(name, fmt::format("{:.2f}%", value)); }
  void ratio(std::string_view name, double value) { field(name, fmt::format("{:.2f}", value)); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

struct InfoSection {
  std::string_view name;  // as a client asks for it
  bool by_default;        // part of a plain INFO
  void (*write)(Server& server, InfoText& text);
};

// In the order in which they are shown.
std::span<const InfoSection> info_sections();

// The sections that `names` ask for: names of sections, "default", "all", "everything", in any case; no names mean
// "default". Unknown names add nothing.
std::string make_info(Server& server, std::span<const std::string_view> names);

// The sections, one function each (info_*.cc).
namespace info {
void write_server(Server& server, InfoText& text);
void write_clients(Server& server, InfoText& text);
void write_memory(Server& server, InfoText& text);
void write_persistence(Server& server, InfoText& text);
void write_stats(Server& server, InfoText& text);
void write_replication(Server& server, InfoText& text);
void write_cpu(Server& server, InfoText& text);
void write_modules(Server& server, InfoText& text);
void write_commandstats(Server& server, InfoText& text);
void write_errorstats(Server& server, InfoText& text);
void write_latencystats(Server& server, InfoText& text);
void write_cluster(Server& server, InfoText& text);
void write_keyspace(Server& server, InfoText& text);
void write_cowslip(Server& server, InfoText& text);
void write_snapshot(Server& server, InfoText& text);
void write_engine(Server& server, InfoText& text);
}  // namespace info

}  // namespace cowslip::server
