#include "tests/differential/lockstep.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "tests/differential/comparison.h"
#include "tests/differential/items.h"
#include "tests/support/rdb_tools.h"

namespace cowslip::testing {

namespace {

constexpr size_t kLanes = 3;
constexpr size_t kMostDifferences = 100;
constexpr size_t kLargestBulk = 512 << 20;  // proto-max-bulk-len

// Long enough for many steps during each save, short enough for many saves.
constexpr const char* kKeyDelayUs = "50";

ServerOptions options(const char* binary) {
  // Nothing slow enough for the slow log or the latency monitor: what is in them would depend on the machine.
  return {.directives = {"--slowlog-log-slower-than", "-1", "--hz", "10"}, .binary = binary};
}

bool refused_for_a_save(const Step& step, const Reply& cowslip, const Reply& redis) {
  const std::string& command = step.arguments[0];
  return (command == "SAVE" || command == "BGSAVE") && !redis.is_error() &&
         cowslip == Reply::error("ERR Background save already in progress");
}

bool is_reload(const Step& step) {
  return step.arguments.size() > 1 && step.arguments[0] == "DEBUG" && step.arguments[1] == "RELOAD";
}

std::string describe_pair(const Reply& cowslip, const Reply& redis) {
  return fmt::format("cowslip: {}\n  redis: {}", describe(cowslip), describe(redis));
}

const Generator& draw(Pool& pool, const std::vector<Generator>& generators, int64_t total_weight) {
  int64_t at = pool.between(0, total_weight - 1);
  for (const auto& generator : generators) {
    at -= generator.weight;
    if (at < 0) return generator;
  }
  return generators.back();
}

}  // namespace

Lockstep::Lockstep(Saves saves) : cowslip_(options("")), redis_(options(kRedisBinary)) {
  // Keys are then taken away when a command meets them, at the same step on both sides.
  cowslip_.client()("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  redis_.client()("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  open_lanes();
  if (saves == Saves::kAsTold) return;
  cowslip_.client()("CONFIG", "SET", "rdb-key-save-delay", kKeyDelayUs);
  saves_ = std::make_unique<ConstantSaves>(cowslip_, steps_done_);
}

void Lockstep::open_lanes() {
  lanes_.clear();
  for (size_t i = 0; i < kLanes; ++i) lanes_.push_back({cowslip_.connection(), redis_.connection()});
  lanes_[1].cowslip("HELLO", "3");
  lanes_[1].redis("HELLO", "3");
}

// The same command to both; what Cowslip replies.
Reply Lockstep::ask_both(Lane& lane, std::string_view command, const std::string& key) {
  lane.redis(command, key);
  return lane.cowslip(command, key);
}

// Where Redis 7.0 does not have the form of a small value yet, the value has to be small.
std::string Lockstep::check_small_form(Lane& lane, const std::string& key, const std::string& encoding) {
  constexpr int64_t kMostInIntset = 512, kMostInSetListpack = 128;
  constexpr int64_t kMostInList = 4096;  // of 2 bytes each, in 8 KiB
  const std::string type = ask_both(lane, "TYPE", key).text;
  if (type != "set" && type != "list") return fmt::format("a {} is a {} in Cowslip only", type, encoding);
  const int64_t elements = ask_both(lane, type == "set" ? "SCARD" : "LLEN", key).integer;
  const int64_t most = type == "list" ? kMostInList : encoding == "intset" ? kMostInIntset : kMostInSetListpack;
  return elements <= most ? std::string() : fmt::format("{} elements in a {}", elements, encoding);
}

std::string Lockstep::send_once(Lane& lane, const Step& step) {
  const Reply redis = lane.redis.command(step.arguments);
  const Reply cowslip = lane.cowslip.command(step.arguments);
  const bool refused = saves_ && refused_for_a_save(step, cowslip, redis);
  if (!refused && !same_reply(cowslip, redis, step)) return describe_pair(cowslip, redis);
  const bool texts = cowslip.kind == Reply::Kind::kBulk && redis.kind == Reply::Kind::kBulk;
  if (step.compare == Compare::kEncoding && texts && cowslip != redis) {
    const std::string difference = check_small_form(lane, step.arguments.at(2), cowslip.text);
    if (!difference.empty()) return difference + "\n" + describe_pair(cowslip, redis);
  }
  if (redis.kind == Reply::Kind::kClosed || step.action == Action::kThenReopen) {
    lane = {cowslip_.connection(), redis_.connection()};
  }
  return step.action == Action::kThenWait ? wait_for_saves() : std::string();
}

std::string Lockstep::wait_for_saves() {
  const std::string theirs = wait_for_save(redis_);
  // Where one save follows the other there is nothing to wait for.
  const std::string ours =
      saves_ ? info_field(cowslip_.info("persistence"), "rdb_last_bgsave_status") : wait_for_save(cowslip_);
  return ours == theirs ? std::string() : fmt::format("the save ended {} | {}", ours, theirs);
}

std::string Lockstep::whole_scan(Lane& lane, const Step& step) {
  const Scanned redis = scan_all(lane.redis, step.arguments);
  const Scanned cowslip = scan_all(lane.cowslip, step.arguments);
  if (!same_reply(cowslip.error, redis.error, Compare::kExact)) return describe_pair(cowslip.error, redis.error);
  return describe_items_difference(cowslip.items, redis.items);
}

std::string Lockstep::random_pick(Lane& lane, const Step& step) {
  const Reply redis = lane.redis.command(step.arguments);
  const Reply cowslip = lane.cowslip.command(step.arguments);
  if (redis.is_error() || redis.is_null() || !same_form(cowslip, redis)) {
    return same_reply(cowslip, redis, Compare::kExact) ? std::string() : describe_pair(cowslip, redis);
  }
  const Items known = all_items(lane.redis, step.arguments);
  const std::string problem = describe_picks(cowslip, step.arguments, known);
  return problem.empty() ? problem : problem + "\n" + describe_pair(cowslip, redis);
}

// Redis pops from a copy, for the form of its reply.
std::string Lockstep::pop(Lane& lane, const Step& step) {
  const Items known = all_items(lane.redis, step.arguments);
  Arguments on_copy = step.arguments;
  if (!known.empty()) {
    on_copy[1] = "popped copy";
    lane.redis("COPY", step.arguments[1], on_copy[1], "REPLACE");
  }
  const Reply redis = lane.redis.command(on_copy);
  const Reply cowslip = lane.cowslip.command(step.arguments);
  if (!known.empty()) lane.redis("DEL", on_copy[1]);
  if (redis.is_error() || redis.is_null() || !same_form(cowslip, redis)) {
    return same_reply(cowslip, redis, Compare::kExact) ? std::string() : describe_pair(cowslip, redis);
  }
  const std::string problem = describe_picks(cowslip, step.arguments, known);
  if (!problem.empty()) return problem + "\n" + describe_pair(cowslip, redis);
  Arguments erase = {"SREM", step.arguments[1]};
  for (const auto& item : picked_items(cowslip, step.arguments)) erase.push_back(item[0]);
  if (erase.size() > 2) lane.redis.command(erase);
  return describe_items_difference(all_items(lane.cowslip, step.arguments), all_items(lane.redis, step.arguments));
}

std::string Lockstep::random_key(Lane& lane) {
  const Reply redis = lane.redis("RANDOMKEY");
  const Reply cowslip = lane.cowslip("RANDOMKEY");
  if (cowslip.kind != redis.kind) return describe_pair(cowslip, redis);
  if (redis.is_null()) return {};
  const bool known = lane.redis("EXISTS", cowslip.text).integer == 1 && lane.cowslip("EXISTS", redis.text).integer == 1;
  return known ? std::string() : "not a key of both: " + describe_pair(cowslip, redis);
}

std::string Lockstep::swap_dumps(Lane& lane, const Step& step) {
  const Arguments dump = {step.arguments[0], step.arguments[1]};
  const std::string target = step.arguments.back();
  const Reply redis = lane.redis.command(dump);
  const Reply cowslip = lane.cowslip.command(dump);
  if (cowslip.kind != redis.kind) return describe_pair(cowslip, redis);
  if (redis.kind != Reply::Kind::kBulk) return {};
  // A value of the greatest size that is not compressed makes a payload that nobody takes back.
  if (std::max(redis.text.size(), cowslip.text.size()) > kLargestBulk) return {};
  const Reply redis_took = lane.redis("RESTORE", target, "0", cowslip.text, "REPLACE");
  const Reply cowslip_took = lane.cowslip("RESTORE", target, "0", redis.text, "REPLACE");
  if (!redis_took.is_ok() || !cowslip_took.is_ok()) return describe_pair(cowslip_took, redis_took);
  const Reply ours = lane.cowslip("GET", target);
  const Reply theirs = lane.redis("GET", target);
  return ours == theirs ? std::string() : describe_pair(ours, theirs);
}

std::string Lockstep::take(size_t lane, const Step& step) {
  history_.push_back(fmt::format("{} [lane {}] {}", step_, lane, describe(step.arguments)));
  if (history_.size() > static_cast<size_t>(environment_integer("COWSLIP_DIFFERENTIAL_HISTORY", 20)))
    history_.pop_front();
  ++step_;
  std::string difference = saves_ ? run_beside_saves(lane, step) : run_step(lane, step);
  if (step.pause_ms > 0) sleep_ms(step.pause_ms);
  ++steps_done_;
  return difference;
}

std::string Lockstep::run_beside_saves(size_t lane, const Step& step) {
  if (!is_reload(step)) return run_step(lane, step);
  saves_->pause();
  wait_for_save(cowslip_);  // a BGSAVE of the steps' own may be what runs
  std::string difference = run_step(lane, step);
  saves_->resume();
  return difference;
}

std::string Lockstep::run_step(size_t lane, const Step& step) {
  try {
    switch (step.action) {
      case Action::kWholeScan:
        return whole_scan(lanes_[lane], step);
      case Action::kRandomKey:
        return random_key(lanes_[lane]);
      case Action::kRandomPick:
        return random_pick(lanes_[lane], step);
      case Action::kPop:
        return pop(lanes_[lane], step);
      case Action::kSwapDumps:
        return swap_dumps(lanes_[lane], step);
      default:
        return send_once(lanes_[lane], step);
    }
  } catch (const HarnessFailure& failure) {
    return fmt::format("(connection closed) {}", failure.what());
  }
}

std::string Lockstep::compare_datasets() {
  const std::string difference =
      describe_difference(read_dataset(cowslip_), read_dataset(redis_),
                          {.expiry_ms = kClockToleranceMs, .encoding = false, .older_encodings = true});
  if (!difference.empty()) return "the datasets differ (cowslip | redis):\n" + difference;
  const Reply ours = cowslip_.client()("DEBUG", "DIGEST");
  const Reply theirs = redis_.client()("DEBUG", "DIGEST");
  return ours == theirs ? std::string() : "the digests differ:\n" + describe_pair(ours, theirs);
}

std::string Lockstep::report(uint64_t seed, const std::string& difference) const {
  std::string text = fmt::format("seed {} (set COWSLIP_SEED to it), step {}:\n  {}\n{}\nthe last commands:\n", seed,
                                 step_ - 1, history_.empty() ? "" : history_.back(), difference);
  for (const auto& line : history_) text += "  " + line + "\n";
  return text;
}

bool Lockstep::enough(int64_t steps) const {
  if (step_ < steps) return false;
  return !saves_ || saves_->overlapped() >= steps / kStepsForASave || step_ >= kMostRounds * steps;
}

std::string Lockstep::run(uint64_t seed, int64_t steps, const std::vector<Generator>& generators) {
  const bool keep_going = std::getenv("COWSLIP_DIFFERENTIAL_KEEP_GOING") != nullptr;
  Pool pool(seed);
  int64_t total_weight = 0;
  std::set<std::string_view> commands;
  for (const auto& generator : generators) {
    total_weight += generator.weight;
    commands.insert(generator.command);
  }
  pool.set_usable(std::move(commands));
  std::string reports;
  size_t differences = 0;
  while (!enough(steps) && differences < kMostDifferences) {
    const Generator& generator = draw(pool, generators, total_weight);
    const size_t lane = static_cast<size_t>(pool.between(0, kLanes - 1));
    Steps drawn = generator.make(pool);
    // Steps that build on each other stay as they are.
    const bool may_garble = generator.may_garble && drawn.size() == 1 && drawn[0].action == Action::kSend;
    if (may_garble && pool.chance(4)) garble(pool, drawn[0].arguments);
    for (const Step& step : drawn) {
      const std::string difference = take((lane + step.lane) % kLanes, step);
      if (difference.empty()) continue;
      // A server that crashed may still be writing why.
      if (difference.find("(connection closed)") != std::string::npos &&
          eventually([this] { return !cowslip_.running(); }, std::chrono::seconds(5))) {
        return report(seed, difference) + "cowslip's log:\n" + cowslip_.log();
      }
      if (!keep_going) return report(seed, difference) + compare_datasets();
      ++differences;
      reports += history_.back() + "\n" + difference + "\n";
      cowslip_.client()("FLUSHALL");
      redis_.client()("FLUSHALL");
      open_lanes();
      break;
    }
  }
  const std::string datasets = compare_datasets();
  if (!datasets.empty()) reports += report(seed, datasets);
  return reports;
}

}  // namespace cowslip::testing
