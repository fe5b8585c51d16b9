// One connection that writes as fast as it can, with the model beside it: every reply is held against the model's.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/exactness/contents.h"
#include "tests/exactness/traffic.h"

namespace cowslip::testing {

class Writer {
 public:
  // `keys`: about how many there are to be.
  Writer(const ServerProcess& server, uint64_t seed, size_t keys);

  // All of these throw HarnessFailure on a reply that the model does not expect.

  // SETs until there are as many keys as there are to be.
  void fill();
  void write(size_t commands);
  // One command that the model knows.
  void send(const Arguments& command);
  // BGSAVE in the middle of a pipeline of writes. The model at that point, or nothing if another save still ran.
  std::optional<Frozen> start_save();
  // A second client begins to wait for a key, beside what else is written. Some time later, a write of this one serves
  // it. Does nothing while it still waits for another one.
  void begin_wait();
  size_t waits_served() const { return served_; }
  // What the server holds now.
  Frozen now();

 private:
  struct Sent {
    Arguments command;
    Reply expected;
  };

  // Of a wait that is to be served, or has been.
  struct Pending {
    int database;
    Traffic::Wait wait;
    std::optional<Reply> expected;  // once the write that serves it is queued
  };

  Arguments next_command();
  void queue(Arguments command);
  void queue_expecting(Arguments command, Reply expected);
  void queue_serving();
  void take_served();
  // Some commands between MULTI and EXEC.
  void queue_transaction();
  // Mostly one command, seldom a transaction.
  void queue_next();
  void queue_unmodelled(Arguments command);
  // Sends what is queued and takes all replies. Returns that of the unmodelled command, if there is one.
  Reply exchange();
  void check(const Sent& sent, const Reply& reply) const;

  const ServerProcess& server_;
  Connection connection_;
  Connection waiter_;
  Random random_;
  Traffic traffic_;
  size_t keys_;
  Model model_;
  std::string bytes_;
  std::vector<Sent> sent_;
  std::optional<size_t> unmodelled_;  // index in sent_
  std::optional<Pending> pending_;
  size_t served_ = 0;
};

}  // namespace cowslip::testing
