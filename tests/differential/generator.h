// One generator for each command (or subcommand, "client|list"): a function that draws arguments from a Pool, all
// options and error forms included, and says how the two servers' replies are to be compared.
//
// Adding a command means adding a line to the table at the end of its family's file here; coverage_test.cc fails until
// that is done.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/differential/pool.h"
#include "tests/support/connection.h"

namespace cowslip::testing {

// How two replies are held against each other. An error always has to be the same error, word by word.
enum class Compare {
  kExact,
  kUnordered,  // the elements in any order (KEYS)
  kPairs,      // a map, or an array of pairs one after the other: the pairs in any order (HGETALL)
  kEncoding,   // what OBJECT ENCODING says
  kScores,     // exact, but for the digits of numbers: 7.0 wrote them as "%.17g"
  kClock,      // integers may differ by what the clock moved between the two servers
  kAnswer,     // the same type; the content is each server's own (INFO, TIME)
  kSubset,     // every element of Cowslip's is one of Redis's, which knows more commands
  kHello,      // all fields but version and id
};

// What is done with a command besides sending it once to each server.
enum class Action {
  kSend,
  kWholeScan,   // SCAN, HSCAN, SSCAN, ZSCAN: repeated to its end on each server; what was found is compared
  kRandomKey,   // each server's answer has to be a key that the other has, too
  kRandomPick,  // HRANDFIELD, SRANDMEMBER, ZRANDMEMBER: as many, of the same form, all of them elements
  kPop,         // SPOP: each server's answer consists of members; then both sets lose those of Cowslip's
  kSwapDumps,   // DUMP key target: each server restores under `target` what the other dumped
  kThenWait,    // sent, then waited until no background save runs on either side
  kThenReopen,  // sent, then the connection is opened anew on both sides
};

struct Step {
  Arguments arguments;
  Compare compare = Compare::kExact;
  Action action = Action::kSend;
  int pause_ms = 0;  // afterwards
  // Which of the connections it goes through, counted from the one that was drawn for all of the steps.
  size_t lane = 0;
  // Of an array of replies (EXEC's): how each is compared.
  std::vector<Compare> elements = {};
};

using Steps = std::vector<Step>;

struct Generator {
  std::string_view command;  // as COMMAND LIST names it, lower case
  int weight;                // how often, relative to others
  Steps (*make)(Pool&);
  bool may_garble = true;  // arguments may be dropped, doubled or swapped: off where that would end or stop the server
};

std::span<const Generator> string_generators();
std::span<const Generator> bitmap_generators();
std::span<const Generator> hyperloglog_generators();
std::span<const Generator> hash_generators();
std::span<const Generator> set_generators();
std::span<const Generator> list_generators();
std::span<const Generator> sort_generators();
std::span<const Generator> sorted_set_generators();
std::span<const Generator> geo_generators();
std::span<const Generator> blocking_generators();
std::span<const Generator> key_generators();
std::span<const Generator> connection_generators();
std::span<const Generator> server_generators();
std::span<const Generator> transaction_generators();
std::span<const Generator> pubsub_generators();
std::vector<Generator> all_generators();

// Sometimes makes nonsense of the arguments: too few, too many, swapped.
void garble(Pool& pool, Arguments& arguments);

}  // namespace cowslip::testing
