#include "persistence/snapshot_guard.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/numbers.h"

namespace cowslip::persistence {
namespace {

constexpr std::string_view kGrowthLimitName = "snapshot-growth-limit";

uint64_t or_zero(int64_t value) {
  return static_cast<uint64_t>(std::max<int64_t>(value, 0));
}

uint64_t less(uint64_t from, uint64_t amount) {
  return from - std::min(from, amount);
}

std::string growth_text(const Forecast& forecast) {
  const std::string basis = forecast.learned_from == 0   ? "an assumption, there is no save to learn from"
                            : forecast.learned_from == 1 ? "learned from 1 save"
                                                         : fmt::format("learned from {} saves", forecast.learned_from);
  return fmt::format("the save is expected to take {} ({})", format_size(or_zero(forecast.growth)), basis);
}

// A fork makes a second process that could write to everything the first can.
std::optional<Verdict> judge_commit(const memory::MemoryLimits& limits) {
  if (limits.overcommit != memory::Overcommit::kNever || limits.commit_limit == 0) return {};
  const uint64_t free = less(limits.commit_limit, limits.committed);
  if (limits.data_used <= free) return {};
  return Verdict{
      .fits = false,
      .limit_name = "commit limit (vm.overcommit_memory=2)",
      .limit = limits.commit_limit,
      .headroom = free,
      .reason = fmt::format("a fork has to commit {} and {} of the commit limit of {} are left "
                            "(vm.overcommit_memory is 2)",
                            format_size(limits.data_used), format_size(free), format_size(limits.commit_limit))};
}

std::optional<Verdict> judge_growth_limit(const Forecast& forecast, const GuardSettings& settings, uint64_t resident) {
  if (!settings.growth_limit.any()) return {};
  const uint64_t limit = settings.growth_limit.of(resident);
  return Verdict{
      .fits = forecast.learned_from == 0 || or_zero(forecast.growth) <= limit,
      .limit_name = std::string(kGrowthLimitName),
      .limit = limit,
      .headroom = limit,
      .reason = fmt::format("{}, and {} is {}", growth_text(forecast), kGrowthLimitName, format_size(limit))};
}

Verdict judge_room(const Forecast& forecast, const memory::MemoryLimits& limits, const GuardSettings& settings) {
  const memory::Headroom room = memory::headroom(limits);
  Verdict verdict{.limit_name = std::string(room.limit), .limit = room.total, .headroom = room.bytes, .reason = {}};
  if (room.bytes == memory::kUnlimited) {
    verdict.limit = 0;
    verdict.limit_name.clear();
    verdict.reason = growth_text(forecast) + ", and no limit is known";
    return verdict;
  }
  // A save at work is stopped when no more than this is left.
  const uint64_t kept = settings.reserve + SnapshotGuard::kMarginBytes;
  verdict.headroom = less(room.bytes, kept);
  // What nobody has seen yet is no reason to refuse; no room at all is.
  const bool together = limits.cgroup.kills_together && room.limit.starts_with("cgroup");
  const uint64_t needed = forecast.learned_from == 0 ? 1
                          : together                 ? or_zero(forecast.growth_high)
                                                     : or_zero(forecast.growth);
  verdict.fits = needed <= verdict.headroom;
  verdict.reason = fmt::format("{}, and {} can be taken before the {} of {} ({} are kept free)", growth_text(forecast),
                               format_size(verdict.headroom), room.limit, format_size(room.total), format_size(kept));
  if (together) {
    verdict.reason += fmt::format(
        "; {} at most is what has to fit, for memory.oom.group is set: at that limit the "
        "kernel ends the server together with its child",
        format_size(needed));
  }
  return verdict;
}

}  // namespace

Verdict judge_before_fork(const Forecast& forecast, const memory::MemoryLimits& limits, const GuardSettings& settings,
                          uint64_t resident) {
  if (auto verdict = judge_commit(limits)) return *verdict;
  Verdict verdict = judge_room(forecast, limits, settings);
  if (const auto own = judge_growth_limit(forecast, settings, resident)) {
    const bool nearer = verdict.limit == 0 || own->headroom < verdict.headroom;
    if (nearer && (verdict.fits || !own->fits)) verdict = *own;
  }
  if (verdict.fits && settings.maxmemory != 0 && forecast.peak_memory > settings.maxmemory) {
    verdict.reason +=
        fmt::format("; the peak of {} is above maxmemory of {}, which bounds the data and not the process",
                    format_size(forecast.peak_memory), format_size(settings.maxmemory));
  }
  return verdict;
}

// ---- a save at work ----

void SnapshotGuard::begin(uint64_t resident_at_fork, bool forced) {
  *this = {};
  resident_at_fork_ = resident_at_fork;
  forced_ = forced;
}

uint64_t SnapshotGuard::kept_free(const GuardReading& reading, const GuardSettings& settings) {
  const uint64_t kept = settings.reserve + kMarginBytes;
  if (!forced_) return kept;
  if (!first_room_) first_room_ = reading.headroom.bytes;
  return std::min(kept, *first_room_ / 4 * 3);
}

std::optional<std::string> SnapshotGuard::check(const GuardReading& reading, const GuardSettings& settings) {
  update_consumption(reading);
  if (!settings.enabled) return {};
  const uint64_t growth = or_zero(reading.growth);
  if (const uint64_t limit = settings.growth_limit.of(resident_at_fork_);
      settings.growth_limit.any() && growth > limit && !forced_) {
    return fmt::format("it had made memory grow by {}, and {} is {}", format_size(growth), kGrowthLimitName,
                       format_size(limit));
  }
  if (reading.headroom.bytes == memory::kUnlimited) return {};
  auto until_stopped = static_cast<uint64_t>(consumption() * static_cast<double>(kStopMs));
  if (reading.headroom.of_machine) {
    // Somebody's burst is not to end a save that fits: of what others take only so much is foreseen.
    const auto others = static_cast<uint64_t>(std::max(taken_ - grown_, 0.0) * static_cast<double>(kStopMs));
    const auto own = static_cast<uint64_t>(grown_ * static_cast<double>(kStopMs));
    until_stopped = own + std::min(others, reading.headroom.bytes / kOthersShare);
  }
  const uint64_t kept = kept_free(reading, settings);
  if (reading.headroom.bytes >= kept + until_stopped) return {};
  const auto each_second = static_cast<uint64_t>(consumption() * 1000);
  return fmt::format("it had made memory grow by {}{}, and only {} were left before the {} of {} ({} are kept free)",
                     format_size(growth),
                     each_second > 0 ? fmt::format(", lately by {} a second", format_size(each_second)) : "",
                     format_size(reading.headroom.bytes), reading.headroom.limit, format_size(reading.headroom.total),
                     format_size(kept));
}

// Over the last sixty milliseconds, because memory is handed out many pages at a time. What was fastest is forgotten
// slowly: writers come in bursts.
void SnapshotGuard::update_consumption(const GuardReading& reading) {
  constexpr int64_t kSlopeMs = 60;
  constexpr double kForget = 0.95;
  const size_t known = std::min(readings_, kWindow);
  recent_[readings_++ % kWindow] = reading;
  grown_ *= kForget;
  taken_ *= kForget;
  for (size_t back = 1; back <= known; back++) {
    const GuardReading& before = recent_[(readings_ - 1 - back) % kWindow];
    const int64_t ms = reading.at_ms - before.at_ms;
    if (ms < kSlopeMs) continue;
    // An estimate that has just been set right has not grown by the correction.
    const bool corrected = before.exact_at_ms != reading.exact_at_ms && before.at_ms - before.exact_at_ms > kSlopeMs;
    const double grown = corrected ? 0.0 : static_cast<double>(reading.growth - before.growth);
    const bool same = before.headroom.limit == reading.headroom.limit;
    const double taken =
        same ? static_cast<double>(before.headroom.bytes) - static_cast<double>(reading.headroom.bytes) : 0.0;
    grown_ = std::max(grown_, grown / static_cast<double>(ms));
    taken_ = std::max(taken_, taken / static_cast<double>(ms));
    return;
  }
}

// ---- and again ----

void StopBackoff::stopped(int64_t now_ms) {
  delay_ms_ = std::clamp(delay_ms_ * 2, kFirstMs, kLongestMs);
  not_before_ms_ = now_ms + delay_ms_;
}

Postponement::Answer Postponement::does_not_fit(int64_t now_ms) {
  Answer answer;
  answer.first = !waiting_;
  if (!waiting_) {
    waiting_ = true;
    since_ms_ = now_ms;
  }
  if (now_ms - since_ms_ >= patience_ms_) {
    patience_ms_ = std::min(patience_ms_ * 2, kLongestPatienceMs);
    since_ms_ = now_ms;
    answer.try_it = true;
  }
  answer.warn = answer.first || now_ms - warned_ms_ >= kWarnAgainMs;
  if (answer.warn) warned_ms_ = now_ms;
  return answer;
}

}  // namespace cowslip::persistence
