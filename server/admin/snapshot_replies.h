// SNAPSHOT's replies, made from plain data: maps whose values are integers (bytes, milliseconds), doubles (shares from
// 0 to 1, rates) and, where a person is better served, words. docs/SNAPSHOT_COMMAND.md explains each field.
//
// A field that does not apply is left out; one that applies and was not measured is null. Pure.
#pragma once

#include <deque>
#include <optional>

#include "persistence/save_record.h"
#include "persistence/snapshot_forecast.h"
#include "protocol/reply_writer.h"
#include "server/command_latency.h"
#include "server/save_guard.h"

namespace cowslip::server {

// What STATUS and FORECAST look at. Whoever makes it owns what it points to.
struct SnapshotView {
  const persistence::SaveRecord* save = nullptr;  // at work, or the last one; null: none is known
  std::optional<persistence::Forecast> running;   // of the save at work, once there is enough to go by
  persistence::Forecast next;                     // of a save that begins now
  persistence::Verdict verdict;                   // whether that one fits
  double writes_per_second = 0;
  LatencySummary inside;  // of commands while a child was alive, since the start
  LatencySummary outside;
  GuardState guard;

  bool at_work() const { return save != nullptr && save->result == persistence::SaveResult::kRunning; }
};

void reply_status(protocol::ReplyWriter& reply, const SnapshotView& view);
// `history` for how far forecasts were off; the oldest first.
void reply_forecast(protocol::ReplyWriter& reply, const SnapshotView& view,
                    const std::deque<persistence::SaveRecord>& history);
// The newest `count` saves, the newest first.
void reply_history(protocol::ReplyWriter& reply, const std::deque<persistence::SaveRecord>& history, size_t count);
// `save` may be null: no save is known.
void reply_causes(protocol::ReplyWriter& reply, const persistence::SaveRecord* save);
void reply_timeline(protocol::ReplyWriter& reply, const persistence::SaveRecord* save);

// Whether a running save has the room that it is still expected to need: what is left of the growth it was forecast,
// against the headroom there is now.
persistence::Verdict verdict_of_running(const persistence::SaveRecord& save, const persistence::Forecast& forecast,
                                        const persistence::Verdict& now);

}  // namespace cowslip::server
