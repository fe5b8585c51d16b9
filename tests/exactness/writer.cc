#include "tests/exactness/writer.h"

#include <fmt/format.h>

namespace cowslip::testing {

namespace {

constexpr size_t kMostInPipeline = 128;
constexpr size_t kMostBytesInPipeline = 256 << 10;
constexpr size_t kMostInTransaction = 12;
constexpr size_t kCommandsForATransaction = 50;

bool on_mortal_key(const Arguments& command) {
  return command.size() > 1 && command[1].starts_with(kMortalPrefix);
}

}  // namespace

Writer::Writer(const ServerProcess& server, uint64_t seed, size_t keys)
    : connection_(server.connection()), random_(seed), traffic_(random_.next(), keys), keys_(keys) {}

void Writer::queue(Arguments command) {
  Reply expected = model_.apply(command);
  bytes_ += encode(command);
  sent_.push_back({std::move(command), std::move(expected)});
}

void Writer::queue_transaction() {
  const auto send = [this](Arguments command, Reply expected) {
    bytes_ += encode(command);
    sent_.push_back({std::move(command), std::move(expected)});
  };
  Reply replies;
  replies.kind = Reply::Kind::kArray;
  send({"MULTI"}, Reply::simple("OK"));
  for (size_t left = random_.below(kMostInTransaction); left > 0; --left) {
    Arguments command = traffic_.next(model_);
    if (on_mortal_key(command)) continue;  // its reply depends on the time
    replies.elements.push_back(model_.apply(command));
    send(std::move(command), Reply::simple("QUEUED"));
  }
  send({"EXEC"}, std::move(replies));
}

void Writer::queue_next() {
  if (random_.below(kCommandsForATransaction) == 0) {
    queue_transaction();
  } else {
    queue(traffic_.next(model_));
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
