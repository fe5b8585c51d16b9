// What SNAPSHOT says in words: one sentence or two for a person; the figures beside it are for programs. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "persistence/save_record.h"
#include "persistence/snapshot_forecast.h"

namespace cowslip::server {

// 850 -> "850 us", 1'200 -> "1.2 ms", 2'500'000 -> "2.5 s", 95'000'000 -> "1 min 35 s".
std::string duration_words(int64_t duration_us);

// How far a save is or how it ended, and what it cost. `forecast` is null when nothing can be said of its end.
std::string save_words(const persistence::SaveRecord& save, const persistence::Forecast* forecast);
// What a save that begins now is expected to cost.
std::string forecast_words(const persistence::Forecast& forecast);
// "set in db0, entry, fresh write: 48.1 MB (97.3 %)". `whole` is what all causes come to, bytes.
std::string cause_words(const persistence::CauseRow& cause, uint64_t whole);

}  // namespace cowslip::server
