// LATENCY: latest, history, reset, doctor, graph, histogram, help.
#include <fmt/format.h>

#include "commands/arguments.h"
#include "server/admin/admin_families.h"
#include "server/admin/latency_report.h"
#include "server/command_latency.h"
#include "server/config.h"
#include "server/latency_monitor.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using namespace commands;

void cmd_latency_latest(CommandContext& c) {
  const auto& events = server_of(c).latency().events();
  c.reply.array(events.size());
  for (const auto& [name, event] : events) {
    c.reply.array(4);
    c.reply.bulk(name);
    c.reply.integer(event.samples.back().unix_seconds);
    c.reply.integer(event.samples.back().duration_ms);
    c.reply.integer(event.worst_ms);
  }
}

void cmd_latency_history(CommandContext& c) {
  const LatencyMonitor::Event* event = server_of(c).latency().find(c.args[2]);
  if (event == nullptr) return c.reply.array(0);
  c.reply.array(event->samples.size());
  for (const auto& sample : event->samples) {
    c.reply.array(2);
    c.reply.integer(sample.unix_seconds);
    c.reply.integer(sample.duration_ms);
  }
}

void cmd_latency_reset(CommandContext& c) {
  LatencyMonitor& monitor = server_of(c).latency();
  if (c.args.size() == 2) return c.reply.integer(static_cast<int64_t>(monitor.reset_all()));
  int64_t count = 0;
  for (const std::string_view event : c.args.subspan(2)) count += monitor.reset(event) ? 1 : 0;
  c.reply.integer(count);
}

void cmd_latency_doctor(CommandContext& c) {
  Server& server = server_of(c);
  const LatencyCircumstances circumstances = {server.config().latency_monitor_threshold_ms,
                                              server.config().slowlog_log_slower_than_us,
                                              server.keyspace().chunks().policies().huge_pages_text};
  c.reply.verbatim(latency_advice(server.latency().events(), circumstances) +
                   waits_text(server.command_latency().outside(), server.command_latency().inside()));
}

void cmd_latency_graph(CommandContext& c) {
  Server& server = server_of(c);
  const LatencyMonitor::Event* event = server.latency().find(c.args[2]);
  if (event == nullptr) {
    return c.reply.error(fmt::format("ERR No samples available for event '{}'", c.args[2]));
  }
  c.reply.verbatim(latency_graph(c.args[2], *event, server.clock().unix_us() / 1'000'000));
}

// A map under construction from commands to their histograms; a command never executed is left out.
class HistogramMap {
 public:
  HistogramMap(CommandContext& c) : c_(c), mark_(c.reply.begin_aggregate()) {}

  void add(const Command& command) {
    const std::optional<LatencyHistogram> histogram = server_of(c_).latency().histogram(command);
    if (!histogram || histogram->count() == 0) return;
    const auto buckets = histogram->cumulative_by_powers_of_two();
    c_.reply.bulk(command.full_name);
    c_.reply.map(2);
    c_.reply.bulk("calls");
    c_.reply.integer(static_cast<int64_t>(histogram->count()));
    c_.reply.bulk("histogram_usec");
    c_.reply.map(buckets.size());
    for (const auto& [usec, count] : buckets) {
      c_.reply.integer(static_cast<int64_t>(usec));
      c_.reply.integer(static_cast<int64_t>(count));
    }
    ++pairs_;
  }
  void add_with_subcommands(const Command& command) {
    add(command);
    for (const auto& subcommand : command.subcommands) add(*subcommand);
  }
  void end() { c_.reply.end_map(mark_, pairs_); }

 private:
  CommandContext& c_;
  protocol::ReplyWriter::Mark mark_;
  size_t pairs_ = 0;
};

void cmd_latency_histogram(CommandContext& c) {
  const CommandTable& table = c.host.commands();
  HistogramMap map(c);
  if (c.args.size() == 2) {
    for (const auto& command : table.all()) map.add_with_subcommands(*command);
  }
  for (const std::string_view name : c.args.subspan(2)) {
    const Command* command = name.contains('|') ? table.find_full(name) : table.find(name);
    if (command != nullptr) map.add_with_subcommands(*command);
  }
  map.end();
}

void cmd_latency_help(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    Say what was slow and what to look at.",
      "GRAPH <event>",
      "    Draw the samples of an event.",
      "HISTORY <event>",
      "    Show time and duration of each sample of an event.",
      "LATEST",
      "    Show the newest sample of every event.",
      "RESET [<event> ...]",
      "    Forget the samples of these events, or of all.",
      "HISTOGRAM [<command> ...]",
      "    Show how long these commands took, or all of them, in cumulative buckets.",
  };
  reply_help(c, "LATENCY", kLines);
}

constexpr uint32_t kAdminFlags = kAdmin | kNoScript | kLoading | kStale;
constexpr std::string_view kNodeTips = "nondeterministic_output request_policy:all_nodes response_policy:special";

constexpr CommandSpec kSubcommands[] = {
    {.name = "latest",
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Shows the newest sample of every event.",
     .handler = cmd_latency_latest,
     .tips = kNodeTips},
    {.name = "history",
     .arity = 3,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Shows all samples of an event.",
     .syntax = "event",
     .handler = cmd_latency_history,
     .tips = kNodeTips},
    {.name = "reset",
     .arity = -2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Forgets the samples of events.",
     .syntax = "[event ...]",
     .handler = cmd_latency_reset,
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "doctor",
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Says what was slow and what to look at.",
     .handler = cmd_latency_doctor,
     .tips = kNodeTips},
    {.name = "graph",
     .arity = 3,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Draws the samples of an event.",
     .syntax = "event",
     .handler = cmd_latency_graph,
     .tips = kNodeTips},
    {.name = "histogram",
     .arity = -2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "7.0.0",
     .complexity = "O(N) for N commands with a histogram",
     .summary = "Shows how long commands took, in cumulative buckets.",
     .syntax = "[command ...]",
     .handler = cmd_latency_histogram,
     .tips = kNodeTips},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .handler = cmd_latency_help},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "latency",
     .arity = -2,
     .group = "server",
     .since = "2.8.13",
     .complexity = "Depends on subcommand.",
     .summary = "Shows when the server was slow.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> latency_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
