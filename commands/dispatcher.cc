#include "commands/dispatcher.h"

#include <fmt/format.h>

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

// Redis stops PING as well when writes are stopped, so that health checks notice.
bool stops_with_writes(const CommandSpec& spec) {
  return (spec.flags & kWrite) != 0 || spec.name == "ping";
}

}  // namespace

Dispatcher::Dispatcher(const CommandTable& table, store::Keyspace& keyspace, Host& host, ExecutionObserver& observer)
    : table_(table), keyspace_(keyspace), host_(host), observer_(observer) {}

void Dispatcher::execute(std::span<const std::string_view> args, Session& session, protocol::ReplyWriter& reply) {
  const size_t reply_start = reply.buffer().size();
  if (session.reply_mode == ReplyMode::kSkipNext) session.reply_mode = ReplyMode::kSkipThis;

  const Command* command = table_.resolve(args);
  session.last_command = command != nullptr ? std::string_view(command->full_name) : std::string_view();
  if (!refused(command, args, session, reply)) {
    CommandContext context{args, reply, session, keyspace_, host_, *command->spec};
    run(*command, context);
  }

  if (session.reply_mode != ReplyMode::kOn) [[unlikely]] {
    reply.buffer().resize(reply_start);
    if (session.reply_mode == ReplyMode::kSkipThis) session.reply_mode = ReplyMode::kOn;
  }
}

void Dispatcher::run(const Command& command, CommandContext& context) {
  const Clock& clock = host_.clock();
  const int64_t start_us = clock.monotonic_us();
  keyspace_.set_now_ms(wall_ms(start_us));
  const uint64_t errors_before = context.reply.errors();

  observer_.before(command, context);
  // A snapshot's cost is put down to the command that makes it, and between two of them to the server.
  keyspace_.chunks().ledger().set_cause(command.number);
  command.spec->handler(context);
  keyspace_.chunks().ledger().set_cause(memory::kServerCause);

  const int64_t duration_us = clock.monotonic_us() - start_us;
  const bool failed = context.reply.errors() != errors_before;
  command.statistics.calls++;
  command.statistics.usec += static_cast<uint64_t>(duration_us);
  if (failed) [[unlikely]] {
    command.statistics.failed_calls++;
    observer_.on_error(context.reply.last_error_code());
  }
  observer_.after(command, context, duration_us, failed);
}

// The order of the checks is Redis's: it decides which error a client sees when several apply.
bool Dispatcher::refused(const Command* command, std::span<const std::string_view> args, const Session& session,
                         protocol::ReplyWriter& reply) {
  // 1. There is such a command, and it takes so many arguments.
  if (command == nullptr) [[unlikely]] {
    refuse_unknown(args, reply);
    return true;
  }
  const CommandSpec& spec = *command->spec;
  const auto refuse_with = [&](std::string_view error) {
    refuse(command, reply, error);
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
  // (4. ACL rules of the user go here.)
  // 5. The server can do it now.
  if (gates_.out_of_memory && (spec.flags & kDenyOom) != 0 && !session.internal) return refuse_with(kOutOfMemory);
  if (gates_.writes_stopped && stops_with_writes(spec) && !session.internal) return refuse_with(kWritesStopped);
  if (gates_.loading && (spec.flags & kLoading) == 0 && !session.internal) return refuse_with(kDatasetLoading);
  return false;
}

void Dispatcher::refuse(const Command* command, protocol::ReplyWriter& reply, std::string_view error) {
  reply.error(error);
  if (command != nullptr) command->statistics.rejected_calls++;
  observer_.on_error(reply.last_error_code());
}

void Dispatcher::refuse_unknown(std::span<const std::string_view> args, protocol::ReplyWriter& reply) {
  if (table_.find(args[0]) != nullptr) {
    return refuse(nullptr, reply,
                  fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", quotable(args[1]), to_upper(args[0])));
  }
  std::string beginning;
  for (const std::string_view argument : args.subspan(1)) {
    if (beginning.size() >= kQuotedBytes) break;
    beginning += fmt::format("'{}' ", quotable(argument, kQuotedBytes - beginning.size()));
  }
  refuse(nullptr, reply,
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
