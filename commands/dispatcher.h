// From parsed arguments to an executed command: lookup, arity, gates, execution, statistics. Event loop only.
//
// Between MULTI and EXEC, commands that pass the gates are queued. A refused one aborts the transaction, and EXEC has
// to pass the gates of all that is queued. Its commands run in one go, at one and the same time as far as expiry goes.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "commands/command_table.h"
#include "commands/key_waits.h"
#include "commands/watched_keys.h"

namespace cowslip::commands {

// The server's present condition, as far as it decides which commands may run. Kept up to date by the server.
struct Gates {
  bool authentication_required = false;  // requirepass is set
  bool loading = false;
  bool out_of_memory = false;   // maxmemory reached and nothing may be evicted
  bool writes_stopped = false;  // stop-writes-on-bgsave-error, and the last save failed
  bool debug_allowed = true;    // enable-debug-command lets this client in
};

// Told of every execution; the server hangs MONITOR, SLOWLOG and LATENCY on it.
class ExecutionObserver {
 public:
  virtual ~ExecutionObserver() = default;
  virtual void before(const Command& command, CommandContext& context) = 0;
  virtual void after(const Command& command, CommandContext& context, int64_t duration_us, bool failed) = 0;
  // A command refused before it ran, or failed: `code` is the first word of the error ("ERR").
  virtual void on_error(std::string_view code) = 0;
  // The command began to wait for a key. Its end will be an after(), whether it found one or not, with the time that it
  // spent on executing only; unless the client goes before.
  virtual void on_wait(const Command& /*command*/, CommandContext& /*context*/) {}
  // EXEC was refused, which ended the transaction.
  virtual void on_abort(const Command& /*exec*/, CommandContext& /*context*/) {}
};

class Dispatcher {
 public:
  Dispatcher(const CommandTable& table, store::Keyspace& keyspace, Host& host, ExecutionObserver& observer);

  // Runs one command for `session`; its reply (exactly one, unless the session's reply mode says otherwise) is appended
  // to `reply`. REQUIRES: args is not empty.
  void execute(std::span<const std::string_view> args, Session& session, protocol::ReplyWriter& reply);

  // The command that `args` names, or null. For those who must know beforehand (CLIENT PAUSE).
  const Command* resolve(std::span<const std::string_view> args) const { return table_.resolve(args); }

  Gates& gates() { return gates_; }
  WatchedKeys& watched_keys() { return watched_keys_; }

  // ---- clients that wait for a key ----
  KeyWaits& key_waits() { return key_waits_; }
  // Runs the command of a session that take_ready() named, once more from the start. It may wait on.
  void resume(Session& session, protocol::ReplyWriter& reply);
  // Ends the session's wait with the reply that nothing came, or with `error`. REQUIRES: it is waiting.
  void end_wait(Session& session, protocol::ReplyWriter& reply, std::string_view error = {});

  // Runs what the session of EXEC's context has queued, and replies with an array of the replies. For EXEC. A CLIENT
  // REPLY among them holds for those behind it, as in Redis: the array then has fewer elements than it says.
  void run_transaction(CommandContext& exec);
  // Whether a command of a transaction runs: its neighbours are not done, and nobody else may see the dataset so.
  bool in_exec() const { return in_exec_; }

  // The flags that the gates look at: EXEC's are also those of the commands that it would run.
  static uint32_t gate_flags(const CommandSpec& spec, const Session& session) {
    const bool runs_queue = (spec.flags & kRunsQueue) != 0 && session.transaction.open();
    return runs_queue ? session.transaction.gate_flags(spec.flags) : spec.flags;
  }

 private:
  CommandContext context_of(const Command& command, std::span<const std::string_view> args, Session& session,
                            protocol::ReplyWriter& reply);
  bool refused(const Command* command, std::span<const std::string_view> args, Session& session,
               protocol::ReplyWriter& reply);
  void refuse(const Command* command, std::span<const std::string_view> args, Session& session,
              protocol::ReplyWriter& reply, std::string_view error);
  void refuse_unknown(std::span<const std::string_view> args, Session& session, protocol::ReplyWriter& reply);
  static void queue(const Command& command, std::span<const std::string_view> args, Session& session,
                    protocol::ReplyWriter& reply);
  void run(const Command& command, CommandContext& context);
  void call(const Command& command, CommandContext& context, int64_t start_us);
  void count(const Command& command, CommandContext& context, int64_t duration_us, bool failed);
  // Where CLIENT REPLY is not ON: takes back what was written behind the first `keep` bytes, and ends SKIP.
  static void end_held_back(Session& session, protocol::ReplyWriter& reply, size_t keep);
  int64_t wall_ms(int64_t monotonic_us);

  const CommandTable& table_;
  store::Keyspace& keyspace_;
  Host& host_;
  ExecutionObserver& observer_;
  Gates gates_;
  WatchedKeys watched_keys_;
  KeyWaits key_waits_;
  bool in_exec_ = false;
  uint64_t errors_counted_ = 0;  // of commands that ran inside of another

  // Wall time minus monotonic time, as of `synchronized_us_`. Spares a clock read for each command.
  int64_t wall_offset_us_ = 0;
  int64_t synchronized_us_ = -1;
};

}  // namespace cowslip::commands
