#include "server/config_special.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/collation.h"
#include "base/numbers.h"
#include "base/text.h"
#include "commands/keyspace_notifications.h"

namespace cowslip::server::special {
namespace {

constexpr std::string_view kClassNames[] = {"normal", "slave", "pubsub"};
// What files are to say; "slave" is what CONFIG GET has always said.
constexpr std::string_view kClassNamesInFiles[] = {"normal", "replica", "pubsub"};
constexpr size_t kMaxBindAddresses = 16;
constexpr std::string_view kPolicies[] = {"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
                                          "allkeys-lru",  "allkeys-lfu",  "allkeys-random",  "noeviction"};

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorCode::kInvalidArgument, std::string(why));
}

bool only_empty_word(Words words) {
  return words.empty() || (words.size() == 1 && words[0].empty());
}

std::string joined(std::span<const std::string> words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::optional<size_t> class_number(std::string_view name) {
  for (size_t i = 0; i < kClientClasses; i++) {
    if (equals_ignore_case(name, kClassNames[i]) || equals_ignore_case(name, kClassNamesInFiles[i])) return i;
  }
  return std::nullopt;
}

std::string limit_text(std::string_view name, const OutputBufferLimit& limit) {
  return fmt::format("{} {} {} {}", name, limit.hard_bytes, limit.soft_bytes, limit.soft_seconds);
}

struct ShutdownFlag {
  std::string_view name;
  bool ShutdownFlags::* field;
};
constexpr ShutdownFlag kShutdownFlags[] = {{"save", &ShutdownFlags::save},
                                           {"nosave", &ShutdownFlags::nosave},
                                           {"now", &ShutdownFlags::now},
                                           {"force", &ShutdownFlags::force}};

Status set_shutdown_flags(ShutdownFlags& into, Words words) {
  ShutdownFlags flags;
  for (const std::string& word : words) {
    if (equals_ignore_case(word, "default")) continue;
    const auto known = std::ranges::find_if(kShutdownFlags, [&](auto& f) { return equals_ignore_case(word, f.name); });
    if (known == std::end(kShutdownFlags)) {
      return refuse("argument(s) must be one of the following: default, save, nosave, now, force");
    }
    flags.*known->field = true;
  }
  if (flags.save && flags.nosave) return refuse("shutdown options SAVE and NOSAVE can't be used simultaneously");
  into = flags;
  return {};
}

std::string shutdown_flags_text(const ShutdownFlags& flags) {
  std::string text;
  for (const ShutdownFlag& flag : kShutdownFlags) {
    if (flags.*flag.field) text += fmt::format("{}{}", text.empty() ? "" : " ", flag.name);
  }
  return text.empty() ? "default" : text;
}

Status set_addresses(std::vector<std::string>& into, Words words) {
  if (words.size() > kMaxBindAddresses) return refuse("Too many bind addresses specified.");
  if (only_empty_word(words)) {
    into.clear();
  } else {
    into.assign(words.begin(), words.end());
  }
  return {};
}

}  // namespace

Status set_bind(ServerConfig& config, Words words) {
  return set_addresses(config.bind, words);
}

std::string get_bind(const ServerConfig& config) {
  return joined(config.bind);
}

Status set_http_bind(ServerConfig& config, Words words) {
  return set_addresses(config.http_bind, words);
}

std::string get_http_bind(const ServerConfig& config) {
  return joined(config.http_bind);
}

// The first line that speaks of save points replaces the defaults, each further one adds to it, "" empties the list.
Status set_save(ServerConfig& config, Words words) {
  std::vector<SavePoint> points;
  if (!only_empty_word(words)) {
    if (words.size() % 2 != 0) return refuse("Invalid save parameters");
    if (!config.save_is_default) points = config.save;
    for (size_t i = 0; i < words.size(); i += 2) {
      const auto seconds = parse_int64(words[i]);
      const auto changes = parse_int64(words[i + 1]);
      if (!seconds || !changes || *seconds < 1 || *changes < 0) return refuse("Invalid save parameters");
      points.push_back({*seconds, static_cast<uint64_t>(*changes)});
    }
  }
  config.save = std::move(points);
  config.save_is_default = false;
  return {};
}

std::string get_save(const ServerConfig& config) {
  std::string text;
  for (const SavePoint& point : config.save) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", point.seconds, point.changes);
  }
  return text;
}

std::vector<std::string> save_lines(const ServerConfig& config) {
  if (config.save.empty()) return {"\"\""};
  std::vector<std::string> lines;
  for (const SavePoint& point : config.save) lines.push_back(fmt::format("{} {}", point.seconds, point.changes));
  return lines;
}

Status set_output_buffer_limit(ServerConfig& config, Words words) {
  if (only_empty_word(words)) return {};
  if (words.size() % 4 != 0) return refuse("Wrong number of arguments in buffer limit configuration.");
  auto limits = config.client_output_buffer_limit;
  for (size_t i = 0; i < words.size(); i += 4) {
    const auto number = class_number(words[i]);
    if (!number) return refuse("Invalid client class specified in buffer limit configuration.");
    const auto hard = parse_memory(words[i + 1]);
    const auto soft = parse_memory(words[i + 2]);
    const auto seconds = parse_int64(words[i + 3]);
    if (!hard || !soft || !seconds || *seconds < 0) {
      return refuse("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    limits[*number] = {*hard, *soft, *seconds};
  }
  config.client_output_buffer_limit = limits;
  return {};
}

std::string get_output_buffer_limit(const ServerConfig& config) {
  std::string text;
  for (size_t i = 0; i < kClientClasses; i++) {
    if (i != 0) text += ' ';
    text += limit_text(kClassNames[i], config.client_output_buffer_limit[i]);
  }
  return text;
}

std::vector<std::string> output_buffer_limit_lines(const ServerConfig& config) {
  std::vector<std::string> lines;
  for (size_t i = 0; i < kClientClasses; i++) {
    lines.push_back(limit_text(kClassNamesInFiles[i], config.client_output_buffer_limit[i]));
  }
  return lines;
}

Status set_oom_score_adj_values(ServerConfig& config, Words words) {
  auto values = config.oom_score_adj_values;
  if (words.size() != values.size()) return refuse("wrong number of arguments");
  for (size_t i = 0; i < values.size(); i++) {
    const auto value = parse_int64(words[i]);
    if (!value || *value < -2000 || *value > 2000) {
      return refuse("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    }
    values[i] = static_cast<int>(*value);
  }
  config.oom_score_adj_values = values;
  return {};
}

std::string get_oom_score_adj_values(const ServerConfig& config) {
  return fmt::format("{}", fmt::join(config.oom_score_adj_values, " "));
}

Status set_shutdown_on_sigint(ServerConfig& config, Words words) {
  return set_shutdown_flags(config.shutdown_on_sigint, words);
}
std::string get_shutdown_on_sigint(const ServerConfig& config) {
  return shutdown_flags_text(config.shutdown_on_sigint);
}
Status set_shutdown_on_sigterm(ServerConfig& config, Words words) {
  return set_shutdown_flags(config.shutdown_on_sigterm, words);
}
std::string get_shutdown_on_sigterm(const ServerConfig& config) {
  return shutdown_flags_text(config.shutdown_on_sigterm);
}

Status set_percentiles(ServerConfig& config, Words words) {
  std::vector<double> percentiles;
  if (!only_empty_word(words)) {
    for (const std::string& word : words) {
      const auto percentile = parse_double(word);
      if (!percentile) return refuse("Invalid latency-tracking-info-percentiles parameters");
      if (*percentile < 0 || *percentile > 100) {
        return refuse("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
      }
      percentiles.push_back(*percentile);
    }
  }
  config.latency_tracking_info_percentiles = std::move(percentiles);
  return {};
}

std::string get_percentiles(const ServerConfig& config) {
  std::string text;
  for (const double percentile : config.latency_tracking_info_percentiles) {
    if (!text.empty()) text += ' ';
    text += format_double(percentile);
  }
  return text;
}

Status set_unixsocketperm(ServerConfig& config, Words words) {
  const std::string& word = words[0];
  uint32_t mode = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), mode, 8);
  if (error != std::errc() || end != word.data() + word.size()) {
    return refuse("argument couldn't be parsed as an octal number");
  }
  if (mode > 0777) return refuse("argument must be between 0 and 777 inclusive");
  config.unixsocketperm = mode;
  return {};
}

std::string get_unixsocketperm(const ServerConfig& config) {
  return fmt::format("{:o}", config.unixsocketperm);
}

constexpr std::string_view kNoClientEviction = "maxmemory-clients is not supported in this version, it can only be '0'";

// Clients are not evicted yet: only 0, no limit, says what will happen.
Status set_maxmemory_clients(ServerConfig& config, Words words) {
  std::string_view word = words[0];
  if (word.ends_with('%')) {
    word.remove_suffix(1);
    const auto percent = parse_int64(word);
    if (!percent || *percent < 0) return refuse("argument must be a memory or percent value");
    if (*percent > 100) return refuse("percentage argument must be less or equal to 100");
    if (*percent != 0) return refuse(std::string(kNoClientEviction));
    config.maxmemory_clients = -*percent;
    return {};
  }
  const auto bytes = parse_memory(word);
  if (!bytes || *bytes > INT64_MAX) return refuse("argument must be a memory or percent value");
  if (*bytes != 0) return refuse(std::string(kNoClientEviction));
  config.maxmemory_clients = static_cast<int64_t>(*bytes);
  return {};
}

std::string get_maxmemory_clients(const ServerConfig& config) {
  const int64_t value = config.maxmemory_clients;
  return value < 0 ? fmt::format("{}%", -value) : fmt::format("{}", value);
}

Status set_snapshot_growth_limit(ServerConfig& config, Words words) {
  constexpr int64_t kMostPercent = 1000;  // a save can make memory grow by more than there was
  std::string_view word = words[0];
  if (word.ends_with('%')) {
    word.remove_suffix(1);
    const auto percent = parse_int64(word);
    if (!percent || *percent < 0) return refuse("argument must be a memory or percent value");
    if (*percent > kMostPercent)
      return refuse(fmt::format("percentage argument must be less or equal to {}", kMostPercent));
    config.snapshot_growth_limit = -*percent;
    return {};
  }
  const auto bytes = parse_memory(word);
  if (!bytes || *bytes > INT64_MAX) return refuse("argument must be a memory or percent value");
  config.snapshot_growth_limit = static_cast<int64_t>(*bytes);
  return {};
}

std::string get_snapshot_growth_limit(const ServerConfig& config) {
  const int64_t value = config.snapshot_growth_limit;
  return value < 0 ? fmt::format("{}%", -value) : fmt::format("{}", value);
}

Status set_maxmemory_policy(ServerConfig& config, Words words) {
  const auto policy =
      std::ranges::find_if(kPolicies, [&](std::string_view name) { return equals_ignore_case(words[0], name); });
  if (policy == std::end(kPolicies)) {
    return refuse(fmt::format("argument(s) must be one of the following: {}", fmt::join(kPolicies, ", ")));
  }
  config.maxmemory_policy = static_cast<MaxMemoryPolicy>(policy - std::begin(kPolicies));
  return {};
}

std::string get_maxmemory_policy(const ServerConfig& config) {
  return std::string(kPolicies[static_cast<size_t>(config.maxmemory_policy)]);
}

// Values out of reach are taken and moved to the nearest that is not, as Redis does.
Status set_hz(ServerConfig& config, Words words) {
  const auto value = parse_int64(words[0]);
  if (!value) return refuse("argument couldn't be parsed into an integer");
  if (*value < 0 || *value > INT_MAX) {
    return refuse(fmt::format("argument must be between 0 and {} inclusive", INT_MAX));
  }
  config.hz = std::clamp<int64_t>(*value, 1, 500);
  return {};
}

std::string get_hz(const ServerConfig& config) {
  return fmt::format("{}", config.hz);
}

Status set_keyspace_events(ServerConfig& config, Words words) {
  const auto flags = commands::parse_notification_flags(words[0]);
  if (!flags) return refuse("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
  config.notify_keyspace_events = *flags;
  return {};
}

std::string get_keyspace_events(const ServerConfig& config) {
  return commands::notification_flags_text(config.notify_keyspace_events);
}

Status set_timeline_interval(ServerConfig& config, Words words) {
  const auto value = parse_int64(words[0]);
  if (!value) return refuse("argument couldn't be parsed into an integer");
  if (*value != 0 && (*value < 10 || *value > 10'000)) return refuse("argument must be 0, or between 10 and 10000");
  config.snapshot_timeline_interval_ms = *value;
  return {};
}

std::string get_timeline_interval(const ServerConfig& config) {
  return fmt::format("{}", config.snapshot_timeline_interval_ms);
}

// Only looks; changing to the folder is for ConfigStore, once everything else has been found right.
Status set_dir(ServerConfig& config, Words words) {
  const std::unique_ptr<char, decltype(&std::free)> path(::realpath(words[0].c_str(), nullptr), &std::free);
  if (!path) return refuse(fail_errno("").error().message.substr(2));
  struct stat info{};
  if (::stat(path.get(), &info) != 0) return refuse(fail_errno("").error().message.substr(2));
  if (!S_ISDIR(info.st_mode)) return refuse("Not a directory");
  if (::access(path.get(), X_OK) != 0) return refuse(fail_errno("").error().message.substr(2));
  config.dir = path.get();
  return {};
}

// The working directory itself, unless one was named.
std::string get_dir(const ServerConfig& config) {
  if (!config.dir.empty()) return config.dir;
  const std::unique_ptr<char, decltype(&std::free)> here(::getcwd(nullptr, 0), &std::free);
  return here ? here.get() : "";
}

Status check_file_name(std::string_view text) {
  if (text.contains('/')) return refuse("dbfilename can't be a path, just a filename");
  return {};
}

// The environment's may be missing, as it is not the configuration's fault: then texts are ordered by bytes.
Status check_locale(std::string_view name) {
  if (name.empty()) return {};
  const auto found = Collation::named(std::string(name));
  return found ? Status() : refuse(found.error().message);
}

Status check_title_template(std::string_view text) {
  constexpr std::string_view kVariables[] = {"title",    "listen-addr", "server-mode", "port",
                                             "tls-port", "unixsocket",  "config-file"};
  for (size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const size_t close = text.find('}', open);
    const std::string_view name = text.substr(open + 1, close == std::string_view::npos ? close : close - open - 1);
    if (close == std::string_view::npos || std::ranges::find(kVariables, name) == std::end(kVariables)) {
      return refuse("template format is invalid or contains unknown variables");
    }
  }
  return {};
}

}  // namespace cowslip::server::special
