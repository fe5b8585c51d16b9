#include "commands/dispatcher.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "commands/errors.h"

namespace cowslip::commands {
namespace {

// How long the difference between wall time and monotonic time is trusted. A step of the system's clock takes effect
// this much later.
constexpr int64_t kWallClockTrustUs = 10'000;

// What a client sees of its own words in an error: no more than this many bytes, and nothing after a NUL.
constexpr size_t kQuotedBytes = 128;

std::string_view quotable(std::string_view text, size_t limit = kQuotedBytes) {
  text = text.substr(0, limit);
  return text.substr(0, text.find('\0'));
}

constexpr fmt::string_view kOnlyForSubscribers =
    "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";

// Redis stops PING as well when writes are stopped, so that health checks notice.
bool stops_with_writes(const CommandSpec& spec, uint32_t flags) {
  return (flags & kWrite) != 0 || spec.name == "ping";
}

// Queueing needs memory whatever the command is; only what gives it back goes on.
bool stops_without_memory(uint32_t flags, const Session& session) {
  return (flags & kDenyOom) != 0 || (session.transaction.open() && (flags & kEndsMulti) == 0);
}

// EXEC's refusal says what kind of error it was, but not that it was one.
std::string execution_aborted(std::string_view error) {
  if (error.starts_with("ERR ")) error.remove_prefix(4);
  return fmt::format("EXECABORT Transaction discarded because of: {}", error);
}

}  // namespace

Dispatcher::Dispatcher(const CommandTable& table, store::Keyspace& keyspace, Host& host, ExecutionObserver& observer)
    : table_(table),
      keyspace_(keyspace),
      host_(host),
      observer_(observer),
      watched_keys_(keyspace),
      key_waits_(keyspace) {}

void Dispatcher::execute(std::span<const std::string_view> args, Session& session, protocol::ReplyWriter& reply) {
  const size_t reply_start = reply.buffer().size();
  if (session.reply_mode == ReplyMode::kSkipNext) session.reply_mode = ReplyMode::kSkipThis;

  const Command* command = table_.resolve(args);
  session.last_command = command != nullptr ? std::string_view(command->full_name) : std::string_view();
  const bool refused = this->refused(command, args, session, reply);
  if (!refused) {
    if (session.transaction.open() && (command->spec->flags & kNotQueued) == 0) {
      queue(*command, args, session, reply);
    } else {
      CommandContext context = context_of(*command, args, session, reply);
      run(*command, context);
    }
  }

  if (session.reply_mode != ReplyMode::kOn) [[unlikely]] {
    const bool whole = refused || (command->spec->flags & kRepliesInParts) == 0;
    end_held_back(session, reply, whole ? reply_start : reply.buffer().size());
  }
}

// A command that waits has its reply still to come: it is that one that the client wants to skip.
void Dispatcher::end_held_back(Session& session, protocol::ReplyWriter& reply, size_t keep) {
  if (session.reply_mode == ReplyMode::kOn) return;
  reply.buffer().resize(keep);
  const bool waits = session.wait != nullptr && session.wait->waiting();
  if (session.reply_mode == ReplyMode::kSkipThis && !waits) session.reply_mode = ReplyMode::kOn;
}

// ---- clients that wait for a key ----

void Dispatcher::resume(Session& session, protocol::ReplyWriter& reply) {
  KeyWait& wait = *session.wait;
  const Command& command = *wait.command;
  const size_t reply_start = reply.buffer().size();
  if (!refused(&command, wait.args(), session, reply)) {
    CommandContext context = context_of(command, wait.args(), session, reply);
    run(command, context);
  }
  end_held_back(session, reply, reply_start);
  if (!wait.waiting()) session.wait.reset();
}

void Dispatcher::end_wait(Session& session, protocol::ReplyWriter& reply, std::string_view error) {
  KeyWait& wait = *session.wait;
  wait.leave();
  const size_t reply_start = reply.buffer().size();
  if (error.empty()) {
    reply.null_array();
  } else {
    reply.error(error);
  }
  CommandContext context = context_of(*wait.command, wait.args(), session, reply);
  count(*wait.command, context, wait.spent_us, !error.empty());
  end_held_back(session, reply, reply_start);
  session.wait.reset();
}

CommandContext Dispatcher::context_of(const Command& command, std::span<const std::string_view> args, Session& session,
                                      protocol::ReplyWriter& reply) {
  return {args, reply, session, keyspace_, host_, *command.spec, *this};
}

// A transaction that cannot be executed any more takes no more memory.
void Dispatcher::queue(const Command& command, std::span<const std::string_view> args, Session& session,
                       protocol::ReplyWriter& reply) {
  if (!session.transaction.aborted() && !session.watcher.dirty()) session.transaction.queue(command, args);
  reply.simple("QUEUED");
}

void Dispatcher::run_transaction(CommandContext& exec) {
  const Transaction& transaction = exec.session.transaction;
  const size_t start = exec.reply.buffer().size();
  exec.reply.array(transaction.size());
  if (exec.session.holds_reply_back()) exec.reply.buffer().resize(start);
  const bool outer = std::exchange(in_exec_, true);  // another client's, which DEBUG RELOAD lets in
  exec.session.in_exec = true;
  std::vector<std::string_view> args;
  for (size_t i = 0; i < transaction.size(); i++) {
    transaction.arguments(i, args);
    const Command& command = transaction.command(i);
    CommandContext context = context_of(command, args, exec.session, exec.reply);
    const size_t before = exec.reply.buffer().size();
    call(command, context, host_.clock().monotonic_us());
    const bool replies_whole = (command.spec->flags & kRepliesInParts) == 0;
    if (replies_whole && exec.session.holds_reply_back()) exec.reply.buffer().resize(before);
  }
  exec.session.in_exec = false;
  in_exec_ = outer;
}

void Dispatcher::run(const Command& command, CommandContext& context) {
  const int64_t start_us = host_.clock().monotonic_us();
  keyspace_.set_now_ms(wall_ms(start_us));
  call(command, context, start_us);
}

void Dispatcher::call(const Command& command, CommandContext& context, int64_t start_us) {
  const uint64_t errors_before = context.reply.errors();
  const uint64_t counted_before = errors_counted_;

  observer_.before(command, context);
  // A snapshot's cost is put down to the command that makes it, and between two of them to the server.
  keyspace_.chunks().ledger().set_cause(command.number);
  command.spec->handler(context);
  keyspace_.chunks().ledger().set_cause(memory::kServerCause);

  int64_t duration_us = host_.clock().monotonic_us() - start_us;
  if (KeyWait* wait = context.session.wait.get(); wait != nullptr) [[unlikely]] {
    duration_us = wait->spent_us += duration_us;
    if (wait->waiting()) {
      if (std::exchange(wait->command, &command) == nullptr) observer_.on_wait(command, context);
      return;
    }
  }
  const uint64_t errors = context.reply.errors() - errors_before;
  const bool failed = errors != errors_counted_ - counted_before;  // an error of its own
  errors_counted_ = counted_before + errors;
  count(command, context, duration_us, failed);
}

void Dispatcher::count(const Command& command, CommandContext& context, int64_t duration_us, bool failed) {
  command.statistics.calls++;
  command.statistics.usec += static_cast<uint64_t>(duration_us);
  if (failed) [[unlikely]] {
    command.statistics.failed_calls++;
    observer_.on_error(context.reply.last_error_code());
  }
  observer_.after(command, context, duration_us, failed);
}

// The order of the checks is Redis's: it decides which error a client sees when several apply.
bool Dispatcher::refused(const Command* command, std::span<const std::string_view> args, Session& session,
                         protocol::ReplyWriter& reply) {
  // 1. There is such a command, and it takes so many arguments.
  if (command == nullptr) [[unlikely]] {
    refuse_unknown(args, session, reply);
    return true;
  }
  const CommandSpec& spec = *command->spec;
  const auto refuse_with = [&](std::string_view error) {
    refuse(command, args, session, reply, error);
    return true;
  };
  if (!spec.takes(args.size())) [[unlikely]]
    return refuse_with(wrong_arity(command->full_name));
  // 2. DEBUG is dangerous enough to need permission even before authentication is looked at.
  if ((spec.flags & kProtected) != 0 && !gates_.debug_allowed) return refuse_with(kDebugNotAllowed);
  // 3. The client is who it has to be.
  if (gates_.authentication_required && !session.authenticated && !session.internal && (spec.flags & kNoAuth) == 0) {
    return refuse_with(kNoAuthentication);
  }
  // 4. It may be queued.
  if ((spec.flags & kNoMulti) != 0 && session.transaction.open()) return refuse_with(kNotInTransaction);
  // (5. ACL rules of the user go here.)
  // 6. The server can do it now.
  if (session.internal) return false;
  const uint32_t flags = gate_flags(spec, session);
  if (gates_.out_of_memory && stops_without_memory(flags, session)) return refuse_with(kOutOfMemory);
  if (gates_.writes_stopped && stops_with_writes(spec, flags)) return refuse_with(kWritesStopped);
  if (session.in_subscriber_mode() && (spec.flags & kInSubscriberMode) == 0) [[unlikely]] {
    return refuse_with(fmt::format(kOnlyForSubscribers, command->full_name));
  }
  if (gates_.loading && (flags & kLoading) == 0) return refuse_with(kDatasetLoading);
  return false;
}

void Dispatcher::refuse(const Command* command, std::span<const std::string_view> args, Session& session,
                        protocol::ReplyWriter& reply, std::string_view error) {
  const bool ends_transaction = command != nullptr && (command->spec->flags & kRunsQueue) != 0;
  reply.error(ends_transaction ? execution_aborted(error) : error);
  if (command != nullptr) command->statistics.rejected_calls++;
  observer_.on_error(reply.last_error_code());
  if (ends_transaction) {
    session.discard_transaction();
    CommandContext context = context_of(*command, args, session, reply);
    observer_.on_abort(*command, context);
  } else if (session.transaction.open()) {
    session.transaction.abort();
  }
}

void Dispatcher::refuse_unknown(std::span<const std::string_view> args, Session& session,
                                protocol::ReplyWriter& reply) {
  if (table_.find(args[0]) != nullptr) {
    return refuse(nullptr, args, session, reply,
                  fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", quotable(args[1]), to_upper(args[0])));
  }
  std::string beginning;
  for (const std::string_view argument : args.subspan(1)) {
    if (beginning.size() >= kQuotedBytes) break;
    beginning += fmt::format("'{}' ", quotable(argument, kQuotedBytes - beginning.size()));
  }
  refuse(nullptr, args, session, reply,
         fmt::format("ERR unknown command '{}', with args beginning with: {}", quotable(args[0]), beginning));
}

// Every command needs the wall time (for expiry) and the monotonic time (for its duration). One read gives both, since
// the difference between the two hardly ever changes.
int64_t Dispatcher::wall_ms(int64_t monotonic_us) {
  if (synchronized_us_ < 0 || monotonic_us - synchronized_us_ >= kWallClockTrustUs) {
    wall_offset_us_ = host_.clock().unix_us() - monotonic_us;
    synchronized_us_ = monotonic_us;
  }
  return (monotonic_us + wall_offset_us_) / 1000;
}

}  // namespace cowslip::commands
