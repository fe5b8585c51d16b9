// Where generators draw keys, values, numbers and words from: few keys, so that commands meet; values at the edges.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "tests/support/connection.h"

namespace cowslip::testing {

class Pool {
 public:
  explicit Pool(uint64_t seed);

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  // From `low` to `high`, both included.
  int64_t between(int64_t low, int64_t high);
  template <typename Item>
  const Item& pick(const std::vector<Item>& items) {
    return items[random_.below(items.size())];
  }
  std::string one_of(std::initializer_list<std::string_view> items);

  // Any of the keys, whatever it holds.
  std::string key();
  // Mostly one of a few that commands of this type ("hash") draw, so that they find what they left there; sometimes
  // any. key() draws them, too.
  std::string key_of(std::string_view type);
  std::string value();
  // Of an aggregate: mostly one of few, so that it is there already; some as long as decides about the encoding.
  std::string member();
  // MATCH and COUNT for HSCAN and its like, now and then wrong.
  void add_scan_options(std::vector<std::string>& arguments);
  std::string integer();   // mostly a number; now and then too large, padded, or none at all
  std::string real();      // the same for floating point
  std::string offset();    // into a string: small, negative, or far outside
  std::string database();  // mostly 0 to 3
  std::string glob();
  // Lives that end long after the run or have ended already. Never in between: what expires during a run does so at
  // different steps on two servers.
  std::string seconds_to_live();
  std::string milliseconds_to_live();
  std::string unix_seconds();
  std::string unix_milliseconds();
  std::string bytes(size_t length);  // any byte values
  // The word in upper, lower or mixed case.
  std::string word(std::string_view text);

  // The generators whose commands the server has; before the first call, all of them.
  void set_usable(std::set<std::string_view> commands) { usable_ = std::move(commands); }
  bool usable(std::string_view command) const { return usable_.empty() || usable_.contains(command); }

  Random& random() { return random_; }

 private:
  std::string odd_number();
  std::string short_text();
  std::string long_text();

  Random random_;
  std::vector<std::string> keys_;
  std::set<std::string_view> usable_;
};

}  // namespace cowslip::testing
