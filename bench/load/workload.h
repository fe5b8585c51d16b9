// What the load generator sends: the commands of one kind of load, drawn from a seed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "bench/load/aggregate_workload.h"

namespace cowslip::bench {

enum class Kind {
  kFill,          // SET of every key once, in order, with random bytes
  kFillIntegers,  // the same with integers
  kSet,           // SET of a random key
  kGet,           // GET of a random key
  kDelSet,        // DEL of a random key and SET of a new one: two commands
  kExpire,        // EXPIRE of a random key, with a random deadline days away
  kIncr,          // INCR of a random key
  kAppend,        // APPEND of 16 bytes to a random key
  kZipf,          // GET or SET, half and half, of keys whose popularity follows Zipf's law
  kPing,          // PING
  kAggregate,     // see aggregate_workload.h
};
std::optional<Kind> kind_from(std::string_view name);

// Draws numbers below `count` of which the k-th most frequent comes in proportion to 1/k^0.99. The frequent ones are
// scattered over the range. Not thread-safe.
class Zipf {
 public:
  // REQUIRES: count > 0. Takes time in proportion to it: half a second for 10 million.
  explicit Zipf(uint64_t count);
  uint64_t draw(Random& random) const;

 private:
  uint64_t count_;
  double harmonic_ = 0;
  double spread_;
  double scale_;
};

struct WorkloadOptions {
  Kind kind = Kind::kSet;
  AggregateLoad aggregate = {};  // for kAggregate
  uint64_t keys = 1'000'000;     // key:000000000000 up to this number; for kAggregate, elements of all keys
  uint64_t first_new = 0;        // where new keys (kDelSet) or members begin to be numbered; 0: after the last one
  uint32_t value_bytes = 100;
  uint64_t seed = 1;
};

// The same options draw the same requests. Not thread-safe.
class Workload {
 public:
  explicit Workload(const WorkloadOptions& options);

  // Appends the next request to `out`, and returns the number of replies it will have.
  int append_request(std::string& out);
  // Bytes of keys and values in all write commands so far; a number counts as 8 bytes.
  uint64_t written_bytes() const { return aggregates_ ? aggregates_->written_bytes() : written_bytes_; }

 private:
  std::string_view key(uint64_t number);
  std::string_view random_key() { return key(random_.below(options_.keys)); }
  std::string_view random_bytes(size_t length);
  void append_set(std::string& out, std::string_view key, std::string_view value);
  void append_fill(std::string& out);
  void append_del_set(std::string& out);
  void append_zipf(std::string& out);

  const WorkloadOptions options_;
  const std::optional<Zipf> zipf_;
  Random random_;
  std::string pool_;  // values are cut from it
  std::optional<AggregateWorkload> aggregates_;
  uint64_t next_ = 0;
  uint64_t written_bytes_ = 0;
  char key_[24];
};

}  // namespace cowslip::bench
