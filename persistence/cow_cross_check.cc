#include "persistence/cow_cross_check.h"

#include <algorithm>
#include <cmath>

namespace cowslip::persistence {
namespace {

constexpr size_t kLooksKept = 64;

int64_t between(int64_t from, int64_t to, double share) {
  return from + std::llround(static_cast<double>(to - from) * share);
}

}  // namespace

std::optional<double> difference(int64_t ledger, int64_t measure, int64_t least) {
  if (measure < least) return {};
  return static_cast<double>(ledger - measure) / static_cast<double>(measure);
}

void CowCrossCheck::begin(int64_t at_us, uint64_t parent_anonymous) {
  *this = {};
  parent_anonymous_at_fork_ = parent_anonymous;
  looks_.push_back({.at_us = at_us});
}

void CowCrossCheck::add(const LedgerLook& look) {
  looks_.push_back(look);
  if (looks_.size() > kLooksKept) looks_.pop_front();
  while (!waiting_.empty() && waiting_.front().at_us <= look.at_us) {
    compare(waiting_.front());
    waiting_.pop_front();
  }
}

void CowCrossCheck::add(const ExactReading& reading) {
  if (!looks_.empty() && reading.at_us <= looks_.back().at_us) return compare(reading);
  waiting_.push_back(reading);
}

std::optional<LedgerLook> CowCrossCheck::at(int64_t at_us) const {
  const auto after = std::ranges::lower_bound(looks_, at_us, {}, &LedgerLook::at_us);
  if (after == looks_.end()) return {};
  if (after->at_us == at_us) return *after;
  if (after == looks_.begin()) return {};
  const LedgerLook &from = *std::prev(after), &to = *after;
  const double share = static_cast<double>(at_us - from.at_us) / static_cast<double>(to.at_us - from.at_us);
  return LedgerLook{.at_us = at_us,
                    .child_alone = static_cast<uint64_t>(
                        between(static_cast<int64_t>(from.child_alone), static_cast<int64_t>(to.child_alone), share)),
                    .growth = between(from.growth, to.growth, share),
                    .moved = std::max(from.child_alone, to.child_alone) - std::min(from.child_alone, to.child_alone)};
}

bool CowCrossCheck::tells_more(const ExactReading& reading, uint64_t moved) const {
  if (!result_.rollup_copied) return true;
  const uint64_t nearly = *result_.rollup_copied / 20;
  if (reading.copied > *result_.rollup_copied + nearly) return true;
  return reading.copied + nearly >= *result_.rollup_copied && moved <= moved_;
}

void CowCrossCheck::compare(const ExactReading& reading) {
  const auto look = at(reading.at_us);
  if (!look || !reading.copied_outside) return;
  const uint64_t outside = *reading.copied_outside;
  outside_peak_ = std::max(outside_peak_, outside);
  if (tells_more(reading, look->moved)) {
    moved_ = look->moved;
    result_.ledger_copied = look->child_alone + outside;
    result_.outside_copied = outside;
    result_.rollup_copied = reading.copied;
    result_.rollup_difference =
        difference(static_cast<int64_t>(result_.ledger_copied), static_cast<int64_t>(reading.copied), kLeastCopies);
  }
  if (!reading.parent_growth_outside) return;
  growth_outside_ = static_cast<int64_t>(outside) + *reading.parent_growth_outside;
  const auto process = static_cast<int64_t>(reading.parent_anonymous + reading.copied - parent_anonymous_at_fork_);
  if (!result_.process_growth || process >= *result_.process_growth) {
    result_.process_growth = process;
    result_.ledger_growth = look->growth + growth_outside_;
    result_.process_difference = difference(result_.ledger_growth, process, kLeastGrowth);
  }
}

void CowCrossCheck::add_cgroup_growth(int64_t bytes) {
  if (looks_.empty() || (result_.cgroup_growth && bytes < *result_.cgroup_growth)) return;
  result_.cgroup_growth = bytes;
  result_.cgroup_difference = difference(looks_.back().growth + growth_outside_, bytes, kLeastGrowth);
}

void CowCrossCheck::set_faults(uint64_t by_faults, uint64_t ledger_total, bool huge_pages) {
  result_.faults_copied = by_faults;
  result_.ledger_copied_total = ledger_total;
  result_.faults_difference.reset();
  if (!huge_pages) return;
  result_.faults_difference =
      difference(static_cast<int64_t>(ledger_total), static_cast<int64_t>(by_faults), kLeastCopies);
}

}  // namespace cowslip::persistence
