// CLIENT TRACKING and its neighbours: client-side caching (commands/tracking.h) set up for a connection.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/numbers.h"
#include "commands/arguments.h"
#include "server/client_registry.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/server_families.h"

namespace cowslip::server {
namespace {

using commands::CommandContext;
using commands::is_option;
using commands::Tracker;
using commands::TrackingOptions;

// The connection whose command runs: a handler of this file runs for nobody else.
Connection& own_connection(CommandContext& c) {
  return *server_of(c).current_client();
}

// ---- CLIENT TRACKING ----

// The client that REDIRECT names, or an error reply.
std::optional<uint64_t> redirect_argument(CommandContext& c, size_t index, uint64_t named_before) {
  if (named_before != 0) {
    c.reply.error("ERR A client can only redirect to a single other client");
    return std::nullopt;
  }
  const auto id = commands::integer_argument(c, index);
  if (!id) return std::nullopt;
  if (*id > 0 && server_of(c).clients().find(static_cast<uint64_t>(*id)) != nullptr) return static_cast<uint64_t>(*id);
  c.reply.error("ERR The client ID you want redirect to does not exist");
  return std::nullopt;
}

std::optional<TrackingOptions> parse_options(CommandContext& c) {
  TrackingOptions options;
  for (size_t i = 3; i < c.args.size(); i++) {
    const std::string_view word = c.args[i];
    const bool more = i + 1 < c.args.size();
    if (is_option(word, "redirect") && more) {
      const auto id = redirect_argument(c, ++i, options.redirect);
      if (!id) return std::nullopt;
      options.redirect = *id;
    } else if (is_option(word, "prefix") && more) {
      options.prefixes.push_back(c.args[++i]);
    } else if (is_option(word, "bcast")) {
      options.broadcast = true;
    } else if (is_option(word, "optin")) {
      options.opt_in = true;
    } else if (is_option(word, "optout")) {
      options.opt_out = true;
    } else if (is_option(word, "noloop")) {
      options.no_loop = true;
    } else {
      c.reply.error(commands::kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

bool overlap(std::string_view a, std::string_view b) {
  return a.starts_with(b) || b.starts_with(a);
}

// Why the new prefixes do not go together with each other or with those that the client has; nothing: they do.
std::optional<std::string> prefix_collision(const Tracker* tracker, const std::vector<std::string_view>& prefixes) {
  constexpr std::string_view kWhy = "Prefixes for a single client must not overlap.";
  for (size_t i = 0; i < prefixes.size(); i++) {
    if (tracker != nullptr) {
      const auto existing =
          std::ranges::find_if(tracker->prefixes, [&](const std::string& p) { return overlap(p, prefixes[i]); });
      if (existing != tracker->prefixes.end()) {
        return fmt::format("ERR Prefix '{}' overlaps with an existing prefix '{}'. {}", prefixes[i], *existing, kWhy);
      }
    }
    for (size_t j = i + 1; j < prefixes.size(); j++) {
      if (!overlap(prefixes[i], prefixes[j])) continue;
      return fmt::format("ERR Prefix '{}' overlaps with another provided prefix '{}'. {}", prefixes[i], prefixes[j],
                         kWhy);
    }
  }
  return std::nullopt;
}

// Why the client cannot track like that; nothing: it can.
std::optional<std::string> objection(const Tracker* tracker, const TrackingOptions& options) {
  if (!options.broadcast && !options.prefixes.empty()) return "ERR PREFIX option requires BCAST mode to be enabled";
  if (tracker != nullptr && tracker->broadcast != options.broadcast) {
    return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it "
           "with a different mode.";
  }
  if (options.broadcast && (options.opt_in || options.opt_out)) {
    return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  }
  if (options.opt_in && options.opt_out) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  if (tracker != nullptr && ((options.opt_in && tracker->opt_out) || (options.opt_out && tracker->opt_in))) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it "
           "with a different mode.";
  }
  return prefix_collision(tracker, options.prefixes);
}

}  // namespace

void cmd_client_tracking(CommandContext& c) {
  const auto options = parse_options(c);
  if (!options) return;
  Connection& client = own_connection(c);
  if (is_option(c.args[2], "on")) {
    if (const auto error = objection(client.tracker, *options)) return c.reply.error(*error);
    client.tracker = &server_of(c).tracking().start(client.session.id, *options);
  } else if (is_option(c.args[2], "off")) {
    server_of(c).stop_tracking(client);
  } else {
    return c.reply.error(commands::kSyntaxError);
  }
  c.reply.ok();
}

// ---- its neighbours ----

void cmd_client_caching(CommandContext& c) {
  Tracker* const tracker = own_connection(c).tracker;
  if (tracker == nullptr) {
    return c.reply.error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
  }
  if (is_option(c.args[2], "yes")) {
    if (!tracker->opt_in) {
      return c.reply.error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    }
  } else if (is_option(c.args[2], "no")) {
    if (!tracker->opt_out) {
      return c.reply.error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    }
  } else {
    return c.reply.error(commands::kSyntaxError);
  }
  tracker->caching = true;
  c.reply.ok();
}

void cmd_client_getredir(CommandContext& c) {
  const Tracker* const tracker = own_connection(c).tracker;
  c.reply.integer(tracker != nullptr ? static_cast<int64_t>(tracker->redirect) : -1);
}

void cmd_client_trackinginfo(CommandContext& c) {
  const Tracker off;
  const bool on = own_connection(c).tracker != nullptr;
  const Tracker& tracker = on ? *own_connection(c).tracker : off;

  c.reply.map(3);
  c.reply.bulk("flags");
  const auto flags = c.reply.begin_aggregate();
  size_t count = 0;
  const auto flag = [&](bool set, std::string_view name) {
    if (!set) return;
    c.reply.bulk(name);
    count++;
  };
  flag(true, on ? "on" : "off");
  flag(tracker.broadcast, "bcast");
  flag(tracker.opt_in, "optin");
  flag(tracker.opt_in && tracker.caching, "caching-yes");
  flag(tracker.opt_out, "optout");
  flag(tracker.opt_out && tracker.caching, "caching-no");
  flag(tracker.no_loop, "noloop");
  flag(tracker.redirect_broken, "broken_redirect");
  c.reply.end_set(flags, count);

  c.reply.bulk("redirect");
  c.reply.integer(on ? static_cast<int64_t>(tracker.redirect) : -1);
  c.reply.bulk("prefixes");
  c.reply.array(tracker.prefixes.size());
  for (const std::string& prefix : tracker.prefixes) c.reply.bulk(prefix);
}

}  // namespace cowslip::server
