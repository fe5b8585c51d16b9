#include "tests/exactness/writer.h"

#include <fmt/format.h>

namespace cowslip::testing {

namespace {

constexpr size_t kMostInPipeline = 128;
constexpr size_t kMostBytesInPipeline = 256 << 10;
constexpr size_t kMostInTransaction = 12;
constexpr size_t kCommandsForATransaction = 50;
constexpr size_t kCommandsForAServing = 200;
constexpr size_t kPipelinesForAWait = 8;

bool on_mortal_key(const Arguments& command) {
  return command.size() > 1 && command[1].starts_with(kMortalPrefix);
}

}  // namespace

Writer::Writer(const ServerProcess& server, uint64_t seed, size_t keys)
    : server_(server),
      connection_(server.connection()),
      waiter_(server.connection()),
      random_(seed),
      traffic_(random_.next(), keys),
      keys_(keys) {}

// ---- a client that waits ----

void Writer::begin_wait() {
  if (pending_) return;
  pending_ = {.database = model_.selected(), .wait = traffic_.wait(), .expected = {}};
  send({"UNLINK", pending_->wait.key});  // what an earlier one has left over
  waiter_("SELECT", std::to_string(pending_->database));
  waiter_.send(encode(pending_->wait.command));
  const auto waits = [this] { return info_number(server_.info("clients"), "blocked_clients") == 1; };
  if (!eventually(waits)) throw HarnessFailure(describe(pending_->wait.command) + " does not wait");
}

// Alone, or in a transaction, which serves at its end.
void Writer::queue_serving() {
  const bool transaction = random_.below(3) == 0;
  if (model_.selected() != pending_->database) queue({"SELECT", std::to_string(pending_->database)});
  const Arguments& command = pending_->wait.served_by;
  if (!transaction) {
    queue(command);
  } else {
    queue_expecting({"MULTI"}, Reply::simple("OK"));
    Reply replies{Reply::Kind::kArray, {}, 0, {model_.apply(command)}};
    queue_expecting(command, Reply::simple("QUEUED"));
    queue_expecting({"EXEC"}, std::move(replies));
  }
  pending_->expected = model_.apply(pending_->wait.command);
}

void Writer::take_served() {
  const Reply reply = waiter_.read();
  if (reply != *pending_->expected) {
    throw HarnessFailure(fmt::format("who waited with {} got {}, expected {}", describe(pending_->wait.command),
                                     describe(reply), describe(*pending_->expected)));
  }
  pending_.reset();
  served_++;
}

// ---- commands ----

// While somebody waits in a database it stays the one that it is.
Arguments Writer::next_command() {
  Arguments command = traffic_.next(model_);
  while (pending_ && command[0] == "SWAPDB") command = traffic_.next(model_);
  return command;
}

void Writer::queue_expecting(Arguments command, Reply expected) {
  bytes_ += encode(command);
  sent_.push_back({std::move(command), std::move(expected)});
}

void Writer::queue(Arguments command) {
  Reply expected = model_.apply(command);
  queue_expecting(std::move(command), std::move(expected));
}

void Writer::queue_transaction() {
  Reply replies;
  replies.kind = Reply::Kind::kArray;
  queue_expecting({"MULTI"}, Reply::simple("OK"));
  for (size_t left = random_.below(kMostInTransaction); left > 0; --left) {
    Arguments command = random_.below(8) == 0 ? traffic_.blocking() : next_command();
    if (on_mortal_key(command)) continue;  // its reply depends on the time
    replies.elements.push_back(model_.apply(command));
    queue_expecting(std::move(command), Reply::simple("QUEUED"));
  }
  queue_expecting({"EXEC"}, std::move(replies));
}

void Writer::queue_next() {
  if (random_.below(kCommandsForATransaction) == 0) {
    queue_transaction();
  } else if (pending_ && !pending_->expected && random_.below(kCommandsForAServing) == 0) {
    queue_serving();
  } else {
    queue(next_command());
  }
}

void Writer::queue_unmodelled(Arguments command) {
  bytes_ += encode(command);
  unmodelled_ = sent_.size();
  sent_.push_back({std::move(command), Reply::null()});
}

void Writer::check(const Sent& sent, const Reply& reply) const {
  // How many it deleted depends on whether the key's time had come.
  if (reply == sent.expected || (on_mortal_key(sent.command) && reply.is_integer())) return;
  throw HarnessFailure(fmt::format("database {}: {} gave {}, expected {}", model_.selected(), describe(sent.command),
                                   describe(reply), describe(sent.expected)));
}

Reply Writer::exchange() {
  Reply of_unmodelled;
  connection_.send(bytes_);
  for (size_t i = 0; i < sent_.size(); ++i) {
    const Reply reply = connection_.read();
    if (reply.kind == Reply::Kind::kClosed) throw HarnessFailure("the server closed the connection");
    if (i == unmodelled_) {
      of_unmodelled = reply;
    } else {
      check(sent_[i], reply);
    }
  }
  bytes_.clear();
  sent_.clear();
  unmodelled_.reset();
  if (pending_ && pending_->expected) take_served();
  return of_unmodelled;
}

void Writer::fill() {
  for (size_t i = 0; key_count(model_.contents()) < keys_; ++i) {
    if (i % 100 == 0) queue(traffic_.select());
    queue(traffic_.fill());
    if (sent_.size() >= kMostInPipeline || bytes_.size() >= kMostBytesInPipeline) exchange();
  }
  exchange();
}

void Writer::write(size_t commands) {
  if (random_.below(kPipelinesForAWait) == 0) begin_wait();
  for (size_t i = 0; i < commands; ++i) {
    queue_next();
    if (sent_.size() >= kMostInPipeline || bytes_.size() >= kMostBytesInPipeline) exchange();
  }
  exchange();
}

void Writer::send(const Arguments& command) {
  queue(command);
  exchange();
}

std::optional<Frozen> Writer::start_save() {
  if (random_.below(2) == 0) begin_wait();
  for (size_t before = random_.below(50); before > 0; --before) queue_next();
  Frozen frozen{model_.contents(), 0};
  queue_unmodelled({"BGSAVE"});
  for (size_t after = random_.below(50); after > 0; --after) queue_next();
  const Reply reply = exchange();
  frozen.passed_ms = unix_ms();
  if (reply == Reply::simple("Background saving started")) return frozen;
  if (reply == Reply::error("ERR Background save already in progress")) return std::nullopt;
  throw HarnessFailure("BGSAVE gave " + describe(reply));
}

Frozen Writer::now() {
  return {model_.contents(), unix_ms()};
}

}  // namespace cowslip::testing
