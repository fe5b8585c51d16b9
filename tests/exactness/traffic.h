// Random commands over a set of keys of every type and size, in four databases.
#pragma once

#include "base/random.h"
#include "tests/exactness/model.h"

namespace cowslip::testing {

class Traffic {
 public:
  // About half of `keys` names in each database, so that writes meet keys that are there and keys that are not.
  Traffic(uint64_t seed, size_t keys) : random_(seed), names_(keys / 2) {}

  // A SET that may make a new key.
  Arguments fill();
  // Anything that the model knows except FLUSHALL, which would end a save under way.
  Arguments next(const Model& model);
  Arguments select();
  // One that would wait where its key is not there; in a transaction it does not.
  Arguments blocking();

  // A command that waits for a key that no other one uses, and one that serves it, with something left over, perhaps.
  struct Wait {
    std::string key;
    Arguments command;
    Arguments served_by;
  };
  Wait wait();

 private:
  struct Makers;
  struct AggregateMakers;

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  size_t any_name() { return random_.below(names_); }
  std::string key(size_t name) const;
  std::string any_key();
  std::string counter();
  std::string huge_key();
  // "list", "set", "hash" or "zset", which names of its keys begin with. A few keys are big.
  std::string aggregate_type();
  std::string aggregate_key(std::string_view type);
  // How many elements a command adds to it.
  size_t elements_for(const std::string& key);
  std::string name();  // of an element
  Arguments aggregate_command();
  Arguments aggregate_fill();
  // Any key, and one of the same kind.
  std::string key_of_any_type();
  // Keys that a command may join: both ordinary or both huge, so that huge values stay few.
  std::string partner_of(const std::string& key);
  std::string database();
  std::string far_ms();
  std::string near_ms();
  std::string bytes(size_t length);
  std::string value(size_t name);

  Random random_;
  size_t names_;
};

}  // namespace cowslip::testing
