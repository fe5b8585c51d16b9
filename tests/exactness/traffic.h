// Random commands over a set of keys of every size, in four databases.
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

 private:
  struct Makers;

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  size_t any_name() { return random_.below(names_); }
  std::string key(size_t name) const;
  std::string any_key();
  std::string counter();
  std::string huge_key();
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
