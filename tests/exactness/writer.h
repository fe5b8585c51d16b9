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
  // What the server holds now.
  Frozen now();

 private:
  struct Sent {
    Arguments command;
    Reply expected;
  };

  void queue(Arguments command);
  // Some commands between MULTI and EXEC.
  void queue_transaction();
  // Mostly one command, seldom a transaction.
  void queue_next();
  void queue_unmodelled(Arguments command);
  // Sends what is queued and takes all replies. Returns that of the unmodelled command, if there is one.
  Reply exchange();
  void check(const Sent& sent, const Reply& reply) const;

  Connection connection_;
  Random random_;
  Traffic traffic_;
  size_t keys_;
  Model model_;
  std::string bytes_;
  std::vector<Sent> sent_;
  std::optional<size_t> unmodelled_;  // index in sent_
};

}  // namespace cowslip::testing
