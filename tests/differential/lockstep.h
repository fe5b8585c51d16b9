// Cowslip and redis-server side by side: each step goes to both before the next is drawn.
//
// Under constant saves, Cowslip saves in the background all the time. Clients may notice only where they ask for a save
// themselves:
//
//   SAVE, BGSAVE   may be refused because of the save under way; the dataset is none of their business
//   DEBUG RELOAD   is refused as well, which Redis does not do; so the saves pause for it
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/differential/constant_saves.h"
#include "tests/differential/generator.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {

class Lockstep {
 public:
  enum class Saves { kAsTold, kConstant };
  explicit Lockstep(Saves saves = Saves::kAsTold);

  // Draws and runs `steps` steps; with constant saves as many more as it takes until one in kStepsForASave of `steps`
  // has been overlapped, but at most kMostRounds times as many. Returns what went wrong, in words for a person; empty
  // when nothing did. With COWSLIP_DIFFERENTIAL_KEEP_GOING set, empties both servers after a difference and goes on to
  // find more.
  std::string run(uint64_t seed, int64_t steps, const std::vector<Generator>& generators);

  static constexpr int64_t kStepsForASave = 1000;
  static constexpr int64_t kMostRounds = 20;

  // Ends the constant saves. REQUIRES: kConstant.
  OverlapFigures end_saves() { return saves_->stop(); }

  int64_t steps_taken() const { return step_; }
  const ServerProcess& cowslip() const { return cowslip_; }
  const ServerProcess& redis() const { return redis_; }

 private:
  // One connection to each server. Lanes differ in database and protocol version as the random walk goes.
  struct Lane {
    Connection cowslip;
    Connection redis;
  };

  void open_lanes();
  bool enough(int64_t steps) const;
  std::string take(size_t lane, const Step& step);
  std::string run_beside_saves(size_t lane, const Step& step);
  std::string run_step(size_t lane, const Step& step);
  static Reply ask_both(Lane& lane, std::string_view command, const std::string& key);
  static std::string check_small_form(Lane& lane, const std::string& key, const std::string& encoding);
  std::string send_once(Lane& lane, const Step& step);
  std::string wait_for_saves();
  std::string whole_scan(Lane& lane, const Step& step);
  std::string random_key(Lane& lane);
  std::string random_pick(Lane& lane, const Step& step);
  std::string pop(Lane& lane, const Step& step);
  std::string swap_dumps(Lane& lane, const Step& step);
  std::string compare_datasets();
  std::string report(uint64_t seed, const std::string& difference) const;

  ServerProcess cowslip_;
  ServerProcess redis_;
  std::vector<Lane> lanes_;
  int64_t step_ = 0;
  std::atomic<int64_t> steps_done_ = 0;
  std::unique_ptr<ConstantSaves> saves_;  // null: none but those that the steps ask for
  std::deque<std::string> history_;
};

}  // namespace cowslip::testing
