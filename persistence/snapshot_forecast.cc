#include "persistence/snapshot_forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "persistence/growth_model.h"

namespace cowslip::persistence {
namespace {

constexpr double kGigabyte = 1 << 30;
constexpr double kMegabyte = 1 << 20;
// What a save costs when nobody writes: the child's buffers, its metadata, what the parent touches anyway.
constexpr double kBaseGrowth = 3 * kMegabyte;

// Without a save to learn from; docs/SNAPSHOTS.md has the measurements.
constexpr double kAssumedForkUs = 260;  // of an empty server
constexpr double kAssumedForkUsPerGigabyteHuge = 550;
constexpr double kAssumedForkUsPerGigabyteSmall = 22'000;
constexpr double kAssumedBytesPerMs = 400 * kMegabyte / 1000;
constexpr double kPageBytes = 4096;
constexpr double kChunkBytes = 2 * kMegabyte;
constexpr double kLargeValueBytes = 16 << 10;  // above it a write copies pages and not the entry

constexpr size_t kLessons = 8;            // saves that are looked back at
constexpr double kLeastProgress = 0.02;   // of a stopped save, for it to tell how fast it was
constexpr uint64_t kLeastChanges = 1000;  // fewer say nothing about growth per change
constexpr double kTimesSmaller = 8;       // a save of a dataset so much smaller says nothing about this one
constexpr double kMostWritesPerKey = 20;  // more, and what grew had little to do with the keys there were

double as_double(auto value) {
  return static_cast<double>(value);
}

// The share of all keys that is remade by uniform writes while the child gets from the beginning to `progress`, when
// there are `x` writes for each key in a whole save: a write counts if its key is neither saved nor remade yet. It is
// the integral of (1 - f) x e^(-x f) over f from 0 to `progress`.
double remade_share(double x, double progress) {
  constexpr double kTiny = 1e-6;  // below it the closed form loses its digits
  if (x < kTiny) return x * progress * (1 - progress / 2);
  return 1 - (1 - progress) * std::exp(-x * progress) + std::expm1(-x * progress) / x;
}

// ---- before the fork ----

// What one save tells about the next one.
struct Lesson {
  double weight = 0;
  std::optional<double> bytes_per_ms;  // of the dataset, up to the last key; empty: it was stopped too soon to tell
  std::optional<double> tail_ms;       // from the last key to the end; empty: it did not get there
  std::optional<double> fork_us_per_byte;
  std::optional<double> bytes_per_remade_key = {};  // empty: there were too few writes to tell
  std::optional<double> added_share = {};           // of the changes, that added a key; empty in the same case
  double bytes_per_change = 0;                      // what grew for any change; 0 in the same case
};

double progress_of(const SaveRecord& record) {
  if (record.result == SaveResult::kOk) return 1;
  return record.keys_total == 0 ? 0 : as_double(record.keys_written) / as_double(record.keys_total);
}

// Of a save of so much smaller a dataset the fixed costs are all that was seen.
bool comparable(const SaveRecord& record, uint64_t dataset_bytes) {
  return as_double(record.dataset_bytes) * kTimesSmaller >= as_double(dataset_bytes);
}

bool teaches(const SaveRecord& record, uint64_t dataset_bytes) {
  const bool ended = record.result == SaveResult::kOk || record.result == SaveResult::kStoppedByGuard;
  return ended && !record.to_socket && record.duration_ms > 0 && record.dataset_bytes > 0 &&
         comparable(record, dataset_bytes);
}

// From the last key to the end, of a save that ended well.
int64_t tail_of(const SaveRecord& record) {
  const auto last_key = std::ranges::find_if(
      record.timeline, [&](const TimelinePoint& point) { return point.keys_written >= record.keys_total; });
  return last_key == record.timeline.end() ? 0 : std::max<int64_t>(record.duration_ms - last_key->at_ms, 0);
}

std::optional<double> bytes_per_ms(const SaveRecord& record, double progress, double tail_ms) {
  if (progress < kLeastProgress) return {};
  return as_double(record.dataset_bytes) * progress / std::max(as_double(record.duration_ms) - tail_ms, 1.0);
}

double fork_us_per_byte(const SaveRecord& record) {
  const double beyond_empty = std::max(as_double(record.fork_us) - kAssumedForkUs, 0.0);
  return record.parent_resident_at_fork == 0 ? 0 : beyond_empty / as_double(record.parent_resident_at_fork);
}

// Keys that the writes of a save made anew: those added, which need memory whatever the child has saved, and of the
// others as many as evenly spread writes do.
double remade_keys(double keys, double writes, double added_share, double progress) {
  const double overwrites = writes * (1 - added_share);
  return writes * progress * added_share + keys * remade_share(overwrites / keys, progress);
}

// `lesson` gets what a save tells about growth.
void learn_growth(const SaveRecord& record, double progress, Lesson& lesson) {
  if (record.changes < kLeastChanges || record.keys_total == 0) return;
  const double keys = as_double(record.keys_total), changes = as_double(record.changes);
  const double added_share = std::clamp(as_double(record.keys_added) / changes, 0.0, 1.0);
  if (changes * (1 - added_share) > kMostWritesPerKey * keys) return;
  const double done = std::max(progress, kLeastProgress);
  const double growth = std::max(as_double(record.growth_peak) - kBaseGrowth, 0.0);
  lesson.added_share = added_share;
  lesson.bytes_per_change = growth / changes;
  lesson.bytes_per_remade_key = growth / std::max(remade_keys(keys, changes / done, added_share, done), 1.0);
}

// The newest count most, and those that ran under a load like the present one.
double weight_of(const SaveRecord& record, size_t age, double writes_per_second) {
  constexpr double kForget = 0.7;
  constexpr double kFewWrites = 1000;  // a second: below it, writes hardly matter
  const double then = as_double(record.changes) * 1000 / as_double(record.duration_ms);
  const double unlike = std::abs(std::log((writes_per_second + kFewWrites) / (then + kFewWrites)));
  return std::pow(kForget, as_double(age)) / (1 + 4 * unlike);
}

std::vector<Lesson> lessons_of(const std::deque<SaveRecord>& history, const Present& now) {
  std::vector<Lesson> lessons;
  for (auto record = history.rbegin(); record != history.rend() && lessons.size() < kLessons; ++record) {
    if (!teaches(*record, now.dataset_bytes)) continue;
    const double progress = progress_of(*record);
    const bool ended = record->result == SaveResult::kOk;
    const double tail_ms = ended ? as_double(tail_of(*record)) : 0;
    Lesson lesson{.weight = weight_of(*record, lessons.size(), now.writes_per_second),
                  .bytes_per_ms = bytes_per_ms(*record, progress, tail_ms),
                  .tail_ms = ended ? std::optional(tail_ms) : std::nullopt,
                  .fork_us_per_byte = fork_us_per_byte(*record)};
    learn_growth(*record, progress, lesson);
    lessons.push_back(lesson);
  }
  return lessons;
}

double mean_of(const std::vector<Lesson>& lessons, std::optional<double> Lesson::* field, double if_none) {
  double sum = 0, weights = 0;
  for (const Lesson& lesson : lessons) {
    if (!(lesson.*field)) continue;
    sum += lesson.weight * *(lesson.*field);
    weights += lesson.weight;
  }
  return weights > 0 ? sum / weights : if_none;
}

// What one remade key costs, and by how much the saves differed in that.
struct KeyCost {
  double bytes;
  double spread;  // relative
  bool learned;
};

KeyCost assumed_key_cost(const Present& now) {
  const double mean_entry = now.keys == 0 ? 0 : as_double(now.dataset_bytes) / as_double(now.keys);
  return {.bytes = mean_entry > kLargeValueBytes ? kPageBytes : mean_entry, .spread = 1, .learned = false};
}

KeyCost key_cost(const std::vector<Lesson>& lessons, const Present& now) {
  double sum = 0, squares = 0, weights = 0;
  int told = 0;
  for (const Lesson& lesson : lessons) {
    if (!lesson.bytes_per_remade_key) continue;
    sum += lesson.weight * *lesson.bytes_per_remade_key;
    squares += lesson.weight * *lesson.bytes_per_remade_key * *lesson.bytes_per_remade_key;
    weights += lesson.weight;
    told++;
  }
  if (told == 0) return assumed_key_cost(now);
  const double mean = sum / weights;
  const double deviation = std::sqrt(std::max(squares / weights - mean * mean, 0.0));
  const double spread = mean > 0 ? deviation / mean : 0;
  return {.bytes = mean, .spread = std::max(spread, told == 1 ? 0.4 : 0.2), .learned = true};
}

std::string basis_text(size_t saves, const KeyCost& cost, bool huge_pages) {
  if (saves == 0) {
    return fmt::format(
        "no save to learn from: assumptions for {} pages, a disk that takes 400 MB a second, and writes "
        "that are spread evenly",
        huge_pages ? "huge" : "small");
  }
  const std::string learned = fmt::format("learned from {} save{}", saves, saves == 1 ? "" : "s");
  return cost.learned ? learned : learned + "; growth assumed, for hardly anything was written while they ran";
}

// Whatever the lessons say: more than all that there is copied, and every write in new memory, cannot be.
double expected_growth(const std::vector<Lesson>& lessons, const Present& now, const KeyCost& cost,
                       double duration_ms) {
  const double keys = std::max(as_double(now.keys), 1.0);
  const double writes = now.writes_per_second * duration_ms / 1000;
  const double added_share = mean_of(lessons, &Lesson::added_share, 0);
  double bytes_per_write = as_double(now.dataset_bytes) / keys;
  for (const Lesson& lesson : lessons) bytes_per_write = std::max(bytes_per_write, lesson.bytes_per_change);
  const double most = as_double(std::max(now.resident, now.dataset_bytes)) + writes * bytes_per_write;
  return kBaseGrowth + std::min(cost.bytes * remade_keys(keys, writes, added_share, 1), most);
}

// What the saves that were stopped since the last one that ended well have shown: a save takes at least that.
struct AtLeast {
  double ms = 0;
  double growth = 0;
};

AtLeast seen_in_stopped(const std::deque<SaveRecord>& history, const Present& now) {
  AtLeast least;
  size_t looked_at = 0;
  for (auto record = history.rbegin(); record != history.rend() && looked_at < kLessons; ++record) {
    if (!teaches(*record, now.dataset_bytes)) continue;
    if (record->result == SaveResult::kOk) break;
    looked_at++;
    const double elapsed = as_double(record->duration_ms);
    const double changes = as_double(record->changes);
    // Nobody knows how far it was before the child had said so.
    const double whole = record->keys_written == 0 ? elapsed : elapsed / std::max(progress_of(*record), kLeastProgress);
    const double size = std::min(as_double(now.dataset_bytes) / as_double(record->dataset_bytes), 1.0);
    const double rate = changes == 0 ? 1 : std::min(now.writes_per_second * elapsed / 1000 / changes, 1.0);
    least.ms = std::max(least.ms, whole * size);
    least.growth = std::max(least.growth, as_double(record->growth_peak) * rate * size);
  }
  return least;
}

void set_growth(Forecast& forecast, double growth, double spread) {
  forecast.growth = std::llround(growth);
  forecast.growth_low = std::llround(growth * std::max(1 - spread, 0.0));
  forecast.growth_high = std::llround(growth * (1 + spread));
}

}  // namespace

Forecast forecast_before_fork(const std::deque<SaveRecord>& history, const Present& now) {
  const std::vector<Lesson> lessons = lessons_of(history, now);
  const double assumed_fork = now.huge_pages ? kAssumedForkUsPerGigabyteHuge : kAssumedForkUsPerGigabyteSmall;
  const double per_byte = mean_of(lessons, &Lesson::fork_us_per_byte, assumed_fork / kGigabyte);
  const double speed = mean_of(lessons, &Lesson::bytes_per_ms, kAssumedBytesPerMs);
  const AtLeast least = seen_in_stopped(history, now);
  const double to_last_key = as_double(now.dataset_bytes) / std::max(speed, 1.0);
  const double duration_ms = std::max(to_last_key + mean_of(lessons, &Lesson::tail_ms, 0), least.ms);
  const KeyCost cost = key_cost(lessons, now);

  Forecast forecast;
  forecast.learned_from = static_cast<int>(lessons.size());
  forecast.basis = basis_text(lessons.size(), cost, now.huge_pages);
  forecast.fork_us = std::llround(kAssumedForkUs + per_byte * as_double(now.resident));
  forecast.duration_ms = forecast.remaining_ms = std::llround(duration_ms);
  set_growth(forecast, std::max(expected_growth(lessons, now, cost, duration_ms), least.growth), cost.spread);
  forecast.peak_memory = now.resident + static_cast<uint64_t>(std::max<int64_t>(forecast.growth, 0));
  return forecast;
}

Tail expected_tail(const std::deque<SaveRecord>& history, uint64_t dataset_bytes) {
  double ms = 0;
  int saves = 0;
  for (auto record = history.rbegin(); record != history.rend() && saves < 4; ++record) {
    if (record->result != SaveResult::kOk || record->to_socket || record->dataset_bytes == 0) continue;
    if (!comparable(*record, dataset_bytes)) continue;
    ms += as_double(tail_of(*record)) * as_double(dataset_bytes) / as_double(record->dataset_bytes);
    saves++;
  }
  return {.ms = saves == 0 ? 0 : std::llround(ms / saves), .saves = saves};
}

// ---- while it runs ----

namespace {

constexpr double kFirstProgress = 0.02;
constexpr double kPaceDoubt = 1.5;   // the band: a child that much faster or slower on the rest of its way,
constexpr double kPauseDoubt = 0.2;  // or one that now stands still for that share of the time so far

// Of the pages copied, as many as were there all the time while the child moved on: it has not given them back so far,
// and is not expected to. They are part of the rest.
double copies_that_stay(const SaveFacts& facts, std::span<const SaveSample> samples) {
  double least = as_double(samples.back().copied);
  for (const SaveSample& sample : samples) {
    if (as_double(sample.keys_written) < kFirstProgress * as_double(facts.keys_total)) continue;
    least = std::min(least, as_double(sample.copied));
  }
  return least;
}

std::vector<GrowthLook> looks_of(const SaveFacts& facts, std::span<const SaveSample> samples) {
  // The ledger counts every block; the growth of the process goes in steps, for chunks are handed out whole.
  const bool ledger = samples.back().fresh > 0;
  const double stay = copies_that_stay(facts, samples);
  std::vector<GrowthLook> looks;
  looks.push_back({});
  for (const SaveSample& sample : samples) {
    if (sample.at_ms <= 0) continue;
    const double growth = as_double(sample.growth), copied = std::max(as_double(sample.copied) - stay, 0.0);
    const GrowthLook before = looks.back();
    GrowthLook look{.ms = as_double(sample.at_ms),
                    .progress = std::min(as_double(sample.keys_written) / as_double(facts.keys_total), 1.0),
                    .changes = as_double(sample.changes),
                    .growth = growth,
                    .copied = copied,
                    .copied_ever = before.copied_ever + copied - before.copied,
                    .fresh = ledger ? as_double(sample.fresh) : growth - as_double(sample.copied)};
    look.copied_ever += given_back(before, look.progress);
    looks.push_back(look);
  }
  return looks;
}

// By how much new memory grows for a byte in new blocks. More than one where blocks that are freed again leave holes
// that nobody fits in. Chunks are handed out whole, so it takes many of them to tell.
double memory_per_block_byte(const std::vector<GrowthLook>& looks) {
  constexpr double kEnough = 16 * kMegabyte, kMost = 2;
  if (looks.back().fresh < kEnough) return 1;
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (const GrowthLook& look : looks) {
    const double y = look.growth - look.copied;
    n++, sx += look.fresh, sy += y, sxx += look.fresh * look.fresh, sxy += look.fresh * y;
  }
  const double determinant = n * sxx - sx * sx;
  return determinant > 0 ? std::clamp((n * sxy - sx * sy) / determinant, 1.0, kMost) : 1;
}

// What growth is beside copies and new blocks: the rest of chunks begun, metadata, other heaps. It goes on as it lately
// did.
struct Rest {
  double per_block_byte = 1;  // memory for a byte in new blocks, which is no part of the rest
  double bytes = 0;           // now
  double bytes_per_ms = 0;    // not negative
};

Rest rest_of(const std::vector<GrowthLook>& looks, double per_block_byte) {
  constexpr double kLately = 0.6;             // of the time
  constexpr double kRises = 2 * kChunkBytes;  // chunks are handed out whole: less is no trend
  const double from = looks.back().ms * kLately;
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (const GrowthLook& look : looks) {
    if (look.ms < from) continue;
    const double x = look.ms - looks.back().ms, y = look.growth - look.copied - per_block_byte * look.fresh;
    n++, sx += x, sy += y, sxx += x * x, sxy += x * y;
  }
  const double determinant = n * sxx - sx * sx;
  const double slope = determinant > 0 ? (n * sxy - sx * sy) / determinant : 0;
  if (slope * (looks.back().ms - from) < kRises) return {.per_block_byte = per_block_byte, .bytes = sy / n};
  return {.per_block_byte = per_block_byte, .bytes = (sy - slope * sx) / n, .bytes_per_ms = slope};
}

// How fast something has lately gone up per millisecond. `share`: of the time so far that counts as lately.
double recent_rate(const std::vector<GrowthLook>& looks, double GrowthLook::* field, double share) {
  // The child speaks up from time to time: what counts is when a figure was new.
  size_t last = looks.size() - 1;
  while (last > 1 && looks[last - 1].*field == looks[last].*field) last--;
  size_t first = last;
  while (first > 0 && looks[first].ms > looks[last].ms * (1 - share)) first--;
  while (first > 0 && looks[first - 1].*field == looks[first].*field) first--;
  const double ms = looks[last].ms - looks[first].ms;
  return ms > 0 ? (looks[last].*field - looks[first].*field) / ms : 0;
}

// Changes per millisecond in the last part of the time. The parent counts them itself, so what stands still has
// stopped.
double recent_changes(const std::vector<GrowthLook>& looks, double share) {
  const GrowthLook& last = looks.back();
  size_t first = looks.size() - 1;
  while (first > 0 && looks[first].ms > last.ms * (1 - share)) first--;
  const double ms = last.ms - looks[first].ms;
  return ms > 0 ? (last.changes - looks[first].changes) / ms : 0;
}

// Of the rest of the way, for the child: the mean of its speed so far and lately.
double child_speed(const std::vector<GrowthLook>& looks) {
  const double all = recent_rate(looks, &GrowthLook::progress, 1);
  const double lately = recent_rate(looks, &GrowthLook::progress, 0.4);
  return (all + lately) / 2;
}

// After the last key only the tail is left, and some of it may be gone.
int64_t tail_left(const std::vector<GrowthLook>& looks, int64_t tail_ms) {
  const auto done = std::ranges::find_if(looks, [](const GrowthLook& look) { return look.progress >= 1; });
  const double gone = done == looks.end() ? 0 : looks.back().ms - done->ms;
  return std::max<int64_t>(tail_ms - std::llround(gone), 0);
}

// How fast the child gets on, as a share of its work, and writes come, per millisecond.
struct Pace {
  double progress;
  double changes;
};

// By how many bytes it grows on the way there.
double advance(FittedCourse& fitted, const GrowthLook& to) {
  const double before = fitted.course.fresh();
  fitted.course.advance(to.progress, to.changes);
  return fitted.unit * (fitted.course.fresh() - before);
}

// The largest that growth becomes on the rest of the way, which begins with the child standing still for `pause_ms`.
double peak_growth(FittedCourse fresh, FittedCourse copies, GrowthLook now, const Rest& rest, const Pace& pace,
                   double pause_ms) {
  constexpr int kSteps = 50;
  double peak = now.growth, beside = rest.bytes;
  const double step = (1 - now.progress) / kSteps;
  // The first step is the pause.
  for (int i = 0; i <= kSteps && pace.progress > 0; i++) {
    GrowthLook next = now;
    if (i > 0) next.progress += step;
    next.ms += i == 0 ? pause_ms : step / pace.progress;
    next.changes += pace.changes * (next.ms - now.ms);
    next.fresh += advance(fresh, next);
    next.copied += advance(copies, next) - given_back(now, next.progress);
    beside += rest.bytes_per_ms * (next.ms - now.ms);
    peak = std::max(peak, rest.per_block_byte * next.fresh + next.copied + beside);
    now = next;
  }
  return peak;
}

}  // namespace

std::optional<Forecast> forecast_running(const SaveFacts& facts, std::span<const SaveSample> samples) {
  if (facts.keys_total == 0 || samples.size() < 2) return {};
  const std::vector<GrowthLook> looks = looks_of(facts, samples);
  const GrowthLook& now = looks.back();
  if (looks.size() < 3 || now.progress < kFirstProgress) return {};
  const double speed = child_speed(looks);
  if (speed <= 0) return {};
  const double added = as_double(std::max<int64_t>(samples.back().keys_added, 0));
  const double added_share = now.changes > 0 ? std::min(added / now.changes, 1.0) : 0;
  const double keys = as_double(facts.keys_total);
  const double noise = samples.back().fresh > 0 ? 0 : kChunkBytes;
  const FittedCourse fresh = fit_course(looks, &GrowthLook::fresh, noise, kinds_of_blocks(keys, added_share));
  const FittedCourse copies = fit_course(looks, &GrowthLook::copied_ever, 0, kinds_of_copies(keys));
  const Pace pace{.progress = speed, .changes = recent_changes(looks, 0.4)};
  const Rest rest = rest_of(looks, memory_per_block_byte(looks));
  const double seen = std::ranges::max(looks, {}, &GrowthLook::growth).growth;

  Forecast forecast;
  forecast.learned_from = facts.learned_from;
  forecast.basis =
      fmt::format("{:.0f} % of the save, {:.0f} changes a second", now.progress * 100, pace.changes * 1000);
  forecast.progress = now.progress;
  forecast.fork_us = facts.fork_us;
  forecast.remaining_ms = std::llround((1 - now.progress) / speed) + tail_left(looks, facts.tail_ms);
  forecast.duration_ms = std::llround(now.ms) + forecast.remaining_ms;
  // What is least certain is how long it will go on.
  const auto peak_at = [&](double times_as_fast, double pause_ms) {
    const Pace other{.progress = pace.progress * times_as_fast, .changes = pace.changes};
    return std::max(seen, peak_growth(fresh, copies, now, rest, other, pause_ms));
  };
  const double growth = peak_at(1, 0), doubt = fresh.error + copies.error + kChunkBytes;
  forecast.growth = std::llround(growth);
  forecast.growth_low = std::llround(std::max(seen, peak_at(kPaceDoubt, 0) - doubt));
  forecast.growth_high = std::llround(peak_at(1 / kPaceDoubt, kPauseDoubt * now.ms) + doubt);
  forecast.peak_memory = facts.parent_resident_at_fork + static_cast<uint64_t>(std::max(growth, 0.0));
  return forecast;
}

}  // namespace cowslip::persistence
