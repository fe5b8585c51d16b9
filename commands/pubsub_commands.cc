// Publish and subscribe: channels, patterns of channels, and shard channels.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "commands/arguments.h"
#include "commands/families.h"
#include "commands/pub_sub.h"

namespace cowslip::commands {
namespace {

using enum SubscriptionKind;

// ---- subscribing ----

// What a client is told it has: shard channels are counted by themselves, channels and patterns together.
int64_t shown_count(const Session& session, SubscriptionKind kind) {
  if (!session.is_subscriber()) return 0;
  const Subscriptions& subscriptions = *session.subscriptions;
  const size_t count = kind == kShardChannel ? subscriptions.count(kShardChannel)
                                             : subscriptions.count(kChannel) + subscriptions.count(kPattern);
  return static_cast<int64_t>(count);
}

// One change, in the form of a message. Without a name: there was nothing to change.
void reply_change(CommandContext& c, SubscriptionKind kind, std::optional<std::string_view> name) {
  c.reply.push(3);
  c.reply.bulk(c.spec.name);
  if (name) {
    c.reply.bulk(*name);
  } else {
    c.reply.null();
  }
  c.reply.integer(shown_count(c.session, kind));
}

template <SubscriptionKind kind>
void cmd_subscribe(CommandContext& c) {
  if (kind == kShardChannel && c.session.in_exec) {
    return c.reply.error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
  }
  for (const std::string_view name : c.args.subspan(1)) {
    c.host.pub_sub().subscribe(c.session, kind, name);
    reply_change(c, kind, name);
  }
}

void unsubscribe_all(CommandContext& c, SubscriptionKind kind) {
  std::vector<std::string> names;  // of our own: the registry's go with the last subscription
  if (c.session.is_subscriber()) {
    const auto& subscribed = c.session.subscriptions->of(kind);
    names.assign(subscribed.begin(), subscribed.end());
  }
  for (const std::string& name : names) {
    c.host.pub_sub().unsubscribe(c.session, kind, name);
    reply_change(c, kind, name);
  }
  if (names.empty()) reply_change(c, kind, std::nullopt);
}

template <SubscriptionKind kind>
void cmd_unsubscribe(CommandContext& c) {
  if (c.args.size() == 1) return unsubscribe_all(c, kind);
  for (const std::string_view name : c.args.subspan(1)) {
    c.host.pub_sub().unsubscribe(c.session, kind, name);
    reply_change(c, kind, name);
  }
}

// ---- publishing ----

void cmd_publish(CommandContext& c) {
  c.reply.integer(static_cast<int64_t>(c.host.pub_sub().publish(c.args[1], c.args[2])));
}

void cmd_spublish(CommandContext& c) {
  c.reply.integer(static_cast<int64_t>(c.host.pub_sub().publish_to_shard(c.args[1], c.args[2])));
}

// ---- PUBSUB ----

template <SubscriptionKind kind>
void cmd_channels(CommandContext& c) {
  if (c.args.size() > 3) {
    return c.reply.error(
        fmt::format("ERR unknown subcommand or wrong number of arguments for '{:.128}'. Try PUBSUB HELP.", c.args[1]));
  }
  const auto mark = c.reply.begin_aggregate();
  size_t count = 0;
  c.host.pub_sub().for_each_name(kind, [&](std::string_view name) {
    if (c.args.size() == 3 && !glob_match(c.args[2], name)) return;
    c.reply.bulk(name);
    count++;
  });
  c.reply.end_array(mark, count);
}

template <SubscriptionKind kind>
void cmd_numsub(CommandContext& c) {
  const auto names = c.args.subspan(2);
  c.reply.array(names.size() * 2);
  for (const std::string_view name : names) {
    c.reply.bulk(name);
    c.reply.integer(static_cast<int64_t>(c.host.pub_sub().subscribers(kind, name)));
  }
}

void cmd_numpat(CommandContext& c) {
  c.reply.integer(static_cast<int64_t>(c.host.pub_sub().names(kPattern)));
}

void cmd_help(CommandContext& c) {
  static constexpr std::string_view kLines[] = {
      "CHANNELS [<pattern>]",
      "    List the channels that somebody listens to, all or those that match.",
      "NUMPAT",
      "    Count the patterns that somebody listens to.",
      "NUMSUB [<channel> ...]",
      "    Count the clients that listen to each channel, not by a pattern.",
      "SHARDCHANNELS [<pattern>]",
      "    List the shard channels that somebody listens to, all or those that match.",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    Count the clients that listen to each shard channel.",
  };
  reply_help(c, "PUBSUB", kLines);
}

constexpr uint32_t kSubscribing = kPubSub | kNoScript | kLoading | kStale | kInSubscriberMode | kRepliesInParts;
constexpr uint32_t kPublishing = kPubSub | kLoading | kStale | kFast | kMayReplicate;
constexpr uint32_t kAsking = kPubSub | kLoading | kStale;

constexpr CommandSpec kPubSubSubcommands[] = {
    {.name = "channels",
     .arity = -2,
     .flags = kAsking,
     .group = "pubsub",
     .since = "2.8.0",
     .complexity = "O(N) for N channels, and short patterns",
     .summary = "Lists the channels that have subscribers.",
     .syntax = "[pattern:pattern]",
     .handler = cmd_channels<kChannel>},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "pubsub",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Describes the subcommands.",
     .handler = cmd_help},
    {.name = "numpat",
     .arity = 2,
     .flags = kAsking,
     .group = "pubsub",
     .since = "2.8.0",
     .complexity = "O(1)",
     .summary = "Counts the patterns that have subscribers.",
     .handler = cmd_numpat},
    {.name = "numsub",
     .arity = -2,
     .flags = kAsking,
     .group = "pubsub",
     .since = "2.8.0",
     .complexity = "O(N) for N channels asked for",
     .summary = "Counts the subscribers of each channel.",
     .syntax = "[channel ...]",
     .handler = cmd_numsub<kChannel>},
    {.name = "shardchannels",
     .arity = -2,
     .flags = kAsking,
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) for N shard channels, and short patterns",
     .summary = "Lists the shard channels that have subscribers.",
     .syntax = "[pattern:pattern]",
     .handler = cmd_channels<kShardChannel>},
    {.name = "shardnumsub",
     .arity = -2,
     .flags = kAsking,
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) for N shard channels asked for",
     .summary = "Counts the subscribers of each shard channel.",
     .syntax = "[shardchannel ...]",
     .handler = cmd_numsub<kShardChannel>},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "subscribe",
     .arity = -2,
     .flags = kSubscribing,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N) for N channels",
     .summary = "Listens to channels.",
     .syntax = "channel ...",
     .handler = cmd_subscribe<kChannel>},
    {.name = "unsubscribe",
     .arity = -1,
     .flags = kSubscribing,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N) for N subscribers of the channels",
     .summary = "Stops listening to channels, or to all of them.",
     .syntax = "[channel ...]",
     .handler = cmd_unsubscribe<kChannel>},
    {.name = "psubscribe",
     .arity = -2,
     .flags = kSubscribing,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N) for N patterns",
     .summary = "Listens to all channels whose names match patterns.",
     .syntax = "pattern:pattern ...",
     .handler = cmd_subscribe<kPattern>},
    {.name = "punsubscribe",
     .arity = -1,
     .flags = kSubscribing,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N) for N subscribers of the patterns",
     .summary = "Stops listening to patterns of channels, or to all of them.",
     .syntax = "[pattern:pattern ...]",
     .handler = cmd_unsubscribe<kPattern>},
    {.name = "ssubscribe",
     .arity = -2,
     .flags = kSubscribing,
     .keys = kAllKeys,
     .key_flags = kKeyNotKey,
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) for N shard channels",
     .summary = "Listens to shard channels.",
     .syntax = "shardchannel ...",
     .handler = cmd_subscribe<kShardChannel>},
    {.name = "sunsubscribe",
     .arity = -1,
     .flags = kSubscribing,
     .keys = kAllKeys,
     .key_flags = kKeyNotKey,
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) for N subscribers of the shard channels",
     .summary = "Stops listening to shard channels, or to all of them.",
     .syntax = "[shardchannel ...]",
     .handler = cmd_unsubscribe<kShardChannel>},
    {.name = "publish",
     .arity = 3,
     .flags = kPublishing,
     .group = "pubsub",
     .since = "2.0.0",
     .complexity = "O(N+M) for N subscribers of the channel and M patterns of all clients",
     .summary = "Sends a message to those who listen to a channel, and counts them.",
     .syntax = "channel message",
     .handler = cmd_publish},
    {.name = "spublish",
     .arity = 3,
     .flags = kPublishing,
     .keys = kOneKey,
     .key_flags = kKeyNotKey,
     .group = "pubsub",
     .since = "7.0.0",
     .complexity = "O(N) for N subscribers of the shard channel",
     .summary = "Sends a message to those who listen to a shard channel, and counts them.",
     .syntax = "shardchannel message",
     .handler = cmd_spublish},
    {.name = "pubsub",
     .arity = -2,
     .group = "pubsub",
     .since = "2.8.0",
     .complexity = "Depends on the subcommand",
     .summary = "Tells about channels and their subscribers.",
     .subcommands = kPubSubSubcommands},
};

}  // namespace

std::span<const CommandSpec> pubsub_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
