#include "server/admin/snapshot_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/numbers.h"

namespace cowslip::server {
namespace {

using persistence::CauseRow;
using persistence::Forecast;
using persistence::SaveRecord;
using persistence::SaveResult;

std::string ms_words(int64_t duration_ms) {
  return duration_words(duration_ms * 1000);
}

std::string title(const SaveRecord& save) {
  return fmt::format("Save {} ({})", save.id, save.reason);
}

// "fresh_write" -> "fresh write"
std::string spaced(std::string_view name) {
  std::string words(name);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string_view ending(SaveResult result) {
  switch (result) {
    case SaveResult::kRunning:
      return "is at work after";
    case SaveResult::kOk:
      return "ended well after";
    case SaveResult::kError:
      return "failed after";
    case SaveResult::kCancelled:
      return "was cancelled after";
    case SaveResult::kKilled:
      return "was killed after";
    case SaveResult::kStoppedByGuard:
      return "was stopped by the guard after";
  }
  return "ended after";
}

int64_t copied(const SaveRecord& save) {
  return static_cast<int64_t>(save.copied_total);
}

int64_t growth_now(const SaveRecord& save) {
  return save.timeline.empty() ? save.growth_end : save.timeline.back().growth;
}

std::string running_words(const SaveRecord& save, const Forecast* forecast) {
  const std::string cost = fmt::format("Memory has grown by {}, and the kernel has copied {}.",
                                       format_size(growth_now(save)), format_size(copied(save)));
  if (forecast == nullptr) {
    return fmt::format("{} has been at work for {}: too early to tell its end. {}", title(save),
                       ms_words(save.duration_ms), cost);
  }
  return fmt::format("{} is {:.0f} % done after {}, about {} to go. {}", title(save), 100 * forecast->progress,
                     ms_words(save.duration_ms), ms_words(forecast->remaining_ms), cost);
}

}  // namespace

std::string duration_words(int64_t duration_us) {
  const auto us = static_cast<double>(duration_us);
  if (duration_us < 1000) return fmt::format("{} us", duration_us);
  if (duration_us < 100'000) return fmt::format("{:.1f} ms", us / 1e3);
  if (duration_us < 1'000'000) return fmt::format("{:.0f} ms", us / 1e3);
  if (duration_us < 60'000'000) return fmt::format("{:.1f} s", us / 1e6);
  const int64_t seconds = duration_us / 1'000'000;
  return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
}

std::string save_words(const SaveRecord& save, const Forecast* forecast) {
  if (save.result == SaveResult::kRunning) return running_words(save, forecast);
  std::string text = fmt::format("{} {} {}", title(save), ending(save.result), ms_words(save.duration_ms));
  if (save.result == SaveResult::kOk) {
    text += fmt::format(": {} key{}, {} written.", save.keys_written, save.keys_written == 1 ? "" : "s",
                        format_size(save.bytes_written));
  } else {
    text += save.error.empty() ? "." : fmt::format(": {}.", save.error);
  }
  return text + fmt::format(" Memory grew by {} at most, and the kernel copied {}.", format_size(save.growth_peak),
                            format_size(copied(save)));
}

std::string forecast_words(const Forecast& forecast) {
  std::string text = forecast.learned_from == 0 ? "No save is known to learn from, so this is assumed: a" : "A";
  text += fmt::format(" save now would pause the server for about {} and take about {}.",
                      duration_words(forecast.fork_us), ms_words(forecast.duration_ms));
  return text + fmt::format(" Memory would grow by about {} (between {} and {}), to {} at its peak.",
                            format_size(forecast.growth), format_size(forecast.growth_low),
                            format_size(forecast.growth_high), format_size(forecast.peak_memory));
}

std::string cause_words(const CauseRow& cause, uint64_t whole) {
  const uint64_t bytes = cause.copied + cause.fresh;
  const double percent = whole == 0 ? 0 : 100 * static_cast<double>(bytes) / static_cast<double>(whole);
  const std::string database = cause.database < 0 ? "" : fmt::format(" in db{}", cause.database);
  return fmt::format("{}{}, {}, {}: {} ({:.1f} %)", cause.command, database, spaced(cause.kind), spaced(cause.reason),
                     format_size(bytes), percent);
}

}  // namespace cowslip::server
