// maxmemory: keeps the memory in use below it, by evicting keys (store/eviction.h) or by refusing commands.
//
//     before each command ──► make_room() ──► enough: go on
//                                        ├──► too much, something may go: keys are evicted for at most a slice of time
//     timer, until it is enough ─────────┘    (maxmemory-eviction-tenacity), the rest between commands; go on
//                                        └──► too much, nothing may go: commands that need memory are refused (-OOM)
//
// What counts is used_memory without the replies that wait for replicas (not_counted_bytes()): they grow because keys
// are evicted. It is about live data: what a child of a save still has of evicted keys is not in it, so evicting lowers
// it in a save as well, though the process has that memory back only after the child's end
// (docs/decisions/0011-eviction.md). Event loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "store/eviction.h"

namespace cowslip::server {

class Server;

class EvictionControl {
 public:
  explicit EvictionControl(Server& server);
  ~EvictionControl();

  // False when commands that need memory must be refused. Cheap when there is enough.
  bool make_room();
  // maxmemory, maxmemory-policy or maxmemory-samples has changed, or is known for the first time. Says so in the log
  // and begins to make room when there is more than a new maxmemory.
  void apply_settings();

  // Memory in use that is not held against maxmemory, as of the last sample; bytes.
  uint64_t not_counted_bytes() const { return not_counted_bytes_; }
  void sample_memory();

  // For how long there was more than maxmemory, in all and at present; milliseconds.
  int64_t exceeded_total_ms() const;
  int64_t exceeded_current_ms() const;
  void reset_statistics();

 private:
  struct Timer;
  enum class Result { kEnough, kStillAtIt, kNothingToEvict };

  bool may_evict() const;
  bool too_much() const;
  Result evict();
  bool evict_one();
  void make_room_soon();
  void key_evicted(int database, std::string_view key);
  void note(Result result);
  int64_t current_us() const;

  Server& server_;
  store::Eviction eviction_;
  std::unique_ptr<Timer> timer_;
  bool scheduled_ = false;
  uint64_t applied_maxmemory_ = 0;
  uint64_t not_counted_bytes_ = 0;
  int64_t sampled_us_ = 0;
  int64_t exceeded_since_us_ = 0;  // 0: there is enough
  int64_t exceeded_total_us_ = 0;  // of the times that are over
};

// How long one call may evict, microseconds; nothing: until it is enough. By maxmemory-eviction-tenacity: in proportion
// up to 10 (0.5 ms), from there on 15 % more for each step; 100 means without limit.
int64_t eviction_slice_us(int64_t tenacity);
inline constexpr int64_t kEndlessSliceUs = INT64_MAX;

}  // namespace cowslip::server
