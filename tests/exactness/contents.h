// Reading what a snapshot or a server holds, and holding it against what it should.
#pragma once

#include <string>

#include "tests/exactness/model.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {

// Parses a snapshot. Throws HarnessFailure when it is damaged, names a key twice, or promises another number of keys
// than it has.
Contents read_snapshot(const std::string& bytes);
// What the clients of a running server see.
Contents read_server(const ServerProcess& server);

// The dataset at one moment, as far as the sender knows it.
struct Frozen {
  Contents contents;
  // Read after the moment had passed. Up to the moment the server may have found and deleted a key that expires before
  // this, or not: such a key may be missing. If it is there, it is with its value and its expiry, even if its time has
  // passed: Redis saves what is in memory.
  int64_t passed_ms = 0;
};

// The first few differences in words; empty when there are none.
std::string difference(const Frozen& expected, const Contents& found);
// How many keys may be there or not.
size_t undecided_keys(const Frozen& frozen);

}  // namespace cowslip::testing
