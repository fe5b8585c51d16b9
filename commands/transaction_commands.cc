// MULTI, EXEC, DISCARD, WATCH, UNWATCH. That commands are queued between MULTI and EXEC, and when they are refused, is
// the dispatcher's business.
#include "commands/dispatcher.h"
#include "commands/families.h"

namespace cowslip::commands {
namespace {

void cmd_multi(CommandContext& c) {
  if (c.session.transaction.open()) return c.reply.error("ERR MULTI calls can not be nested");
  c.session.transaction.begin();
  c.reply.ok();
}

// Why the transaction does not run, as a reply. False: it does.
bool refuse_exec(CommandContext& c) {
  const size_t start = c.reply.buffer().size();
  if (!c.session.transaction.open()) {
    c.reply.error("ERR EXEC without MULTI");
  } else if (c.session.transaction.aborted()) {
    c.reply.error("EXECABORT Transaction discarded because of previous errors.");
  } else if (c.dispatcher.watched_keys().changed(c.session.watcher)) {
    c.reply.null_array();
  } else {
    return false;
  }
  if (c.session.holds_reply_back()) c.reply.buffer().resize(start);
  return true;
}

void cmd_exec(CommandContext& c) {
  if (!refuse_exec(c)) {
    c.session.watcher.unwatch();  // what the transaction itself writes need not be noticed
    c.dispatcher.run_transaction(c);
  }
  if (c.session.transaction.open()) c.session.discard_transaction();
}

void cmd_discard(CommandContext& c) {
  if (!c.session.transaction.open()) return c.reply.error("ERR DISCARD without MULTI");
  c.session.discard_transaction();
  c.reply.ok();
}

void cmd_watch(CommandContext& c) {
  if (c.session.transaction.open()) return c.reply.error("ERR WATCH inside MULTI is not allowed");
  for (const std::string_view key : c.args.subspan(1)) {
    c.dispatcher.watched_keys().watch(c.session.watcher, c.session.database, key);
  }
  c.reply.ok();
}

void cmd_unwatch(CommandContext& c) {
  c.session.watcher.unwatch();
  c.reply.ok();
}

constexpr uint32_t kAlways = kNoScript | kLoading | kStale | kFast | kAllowBusy;

constexpr CommandSpec kSpecs[] = {
    {.name = "multi",
     .arity = 1,
     .flags = kAlways | kNotQueued,
     .group = "transactions",
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Begins a transaction: the commands that follow wait for EXEC.",
     .handler = cmd_multi,
     .categories = "@transaction"},
    {.name = "exec",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kSkipSlowlog | kNotQueued | kEndsMulti | kRunsQueue | kRepliesInParts,
     .group = "transactions",
     .since = "1.2.0",
     .complexity = "Depends on commands in the transaction",
     .summary = "Executes the commands of the transaction, with nobody else's between them.",
     .handler = cmd_exec,
     .categories = "@transaction"},
    {.name = "discard",
     .arity = 1,
     .flags = kAlways | kNotQueued | kEndsMulti,
     .group = "transactions",
     .since = "2.0.0",
     .complexity = "O(N), when N is the number of queued commands",
     .summary = "Ends the transaction without executing its commands.",
     .handler = cmd_discard,
     .categories = "@transaction"},
    {.name = "watch",
     .arity = -2,
     .flags = kAlways | kNotQueued,
     .keys = kAllKeys,
     .key_flags = kKeyRO,
     .group = "transactions",
     .since = "2.2.0",
     .complexity = "O(1) for every key.",
     .summary = "Lets the next EXEC do nothing if one of the keys is changed before.",
     .syntax = "key ...",
     .handler = cmd_watch,
     .categories = "@transaction"},
    {.name = "unwatch",
     .arity = 1,
     .flags = kAlways,
     .group = "transactions",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Forgets all watched keys.",
     .handler = cmd_unwatch,
     .categories = "@transaction"},
};

}  // namespace

std::span<const CommandSpec> transaction_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
