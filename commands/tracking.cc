#include "commands/tracking.h"

#include <cassert>
#include <memory>
#include <utility>

#include "commands/command_keys.h"
#include "protocol/reply_writer.h"

namespace cowslip::commands {
namespace {

// How many keys one call of limit_keys() forgets, times one more than there were calls that did not suffice.
constexpr uint64_t kForgottenPerCall = 100;
// A table of so many keys takes so long to free that another thread does it.
constexpr size_t kManyKeys = 1u << 14;

std::string array_of(std::string_view key) {
  std::string bytes;
  protocol::ReplyWriter writer(bytes, protocol::kResp2);
  writer.array(1);
  writer.bulk(key);
  return bytes;
}

}  // namespace

Tracking::~Tracking() {
  if (active()) keyspace_.observers().remove(*this);
}

// ---- who tracks ----

Tracker& Tracking::start(uint64_t client, const TrackingOptions& options) {
  if (!active()) keyspace_.observers().add(*this);
  const auto [found, is_new] = trackers_.try_emplace(client);
  Tracker& tracker = found->second;
  assert(is_new || tracker.broadcast == options.broadcast);
  if (is_new && !options.broadcast) readers_++;
  tracker.client = client;
  tracker.redirect = options.redirect;
  tracker.redirect_broken = false;
  tracker.broadcast = options.broadcast;
  tracker.opt_in = options.opt_in;
  tracker.opt_out = options.opt_out;
  tracker.no_loop = options.no_loop;
  if (options.broadcast && options.prefixes.empty()) join(tracker, "");
  for (const std::string_view prefix : options.prefixes) join(tracker, prefix);
  return tracker;
}

void Tracking::stop(uint64_t client) {
  const auto found = trackers_.find(client);
  assert(found != trackers_.end());
  leave_prefixes(found->second);
  if (!found->second.broadcast) readers_--;
  trackers_.erase(found);
  if (active()) return;
  keyspace_.observers().remove(*this);
  free_table();
  own_.clear();
}

void Tracking::join(Tracker& tracker, std::string_view prefix) {
  tracker.prefixes.emplace(prefix);
  const auto [found, is_new] = prefixes_.try_emplace(std::string(prefix));
  if (is_new) prefix_lengths_[prefix.size()]++;
  found->second.clients.insert(tracker.client);
}

void Tracking::leave_prefixes(Tracker& tracker) {
  for (const std::string& prefix : tracker.prefixes) {
    const auto found = prefixes_.find(prefix);
    found->second.clients.erase(tracker.client);
    if (!found->second.clients.empty()) continue;
    prefixes_.erase(found);
    const auto length = prefix_lengths_.find(prefix.size());
    if (--length->second == 0) prefix_lengths_.erase(length);
  }
  tracker.prefixes.clear();
}

// ---- reads ----

void Tracking::remember(const Tracker& tracker, const CommandSpec& spec, std::span<const std::string_view> args) {
  if (tracker.broadcast || (tracker.opt_in && !tracker.caching) || (tracker.opt_out && tracker.caching)) return;
  const auto keys = keys_of(spec, args);
  if (!keys) return;
  for (const KeyReference& key : *keys) table_.add(args[key.index], tracker.client);
}

void Tracking::limit_keys(size_t most) {
  if (most == 0 || table_.keys() <= most) {
    limit_misses_ = 0;
    return;
  }
  for (uint64_t left = kForgottenPerCall * (limit_misses_ + 1); left > 0; left--) {
    tell_readers(std::string(table_.random_key(keyspace_.random())), Behind::kNothing);
    if (table_.keys() > most) continue;
    limit_misses_ = 0;
    return;
  }
  limit_misses_++;
}

// ---- changes ----

void Tracking::key_changed(const store::KeyEvent& event) {
  if (outlet_.loading()) return;
  // Nobody is the author of an expiry, although it may be somebody's command that finds it.
  const bool by_itself = event.change == store::KeyChange::kExpired;
  if (!prefixes_.empty()) note_for_prefixes(event.key, by_itself ? 0 : outlet_.current_client());
  if (table_.keys() > 0) tell_readers(event.key, Behind::kReply);
}

void Tracking::tell_readers(std::string_view key, Behind behind) {
  const std::vector<uint64_t> clients = table_.take(key);
  if (clients.empty()) return;
  const uint64_t current = outlet_.current_client();
  const std::string names = array_of(key);
  for (const uint64_t client : clients) {
    const auto found = trackers_.find(client);
    // It may have gone, or listens to prefixes now.
    if (found == trackers_.end() || found->second.broadcast) continue;
    if (client != current || behind == Behind::kNothing) {
      outlet_.forget_keys(found->second, names);
    } else if (!found->second.no_loop) {
      own_.emplace_back(key);
    }
  }
}

void Tracking::after_command() {
  if (own_.empty()) return;
  const auto own = std::exchange(own_, {});
  const auto found = trackers_.find(outlet_.current_client());
  if (found == trackers_.end()) return;  // that is what its command did
  for (const auto& key : own) {
    if (key) {
      outlet_.forget_keys(found->second, array_of(*key));
    } else {
      outlet_.forget_all(found->second);
    }
  }
}

void Tracking::forget_everything() {
  const uint64_t current = outlet_.current_client();
  for (auto& [client, tracker] : trackers_) {
    if (client == current) {
      own_.emplace_back();
    } else {
      outlet_.forget_all(tracker);
    }
  }
  free_table();
}

void Tracking::free_table() {
  TrackingTable gone = std::exchange(table_, {});
  if (gone.keys() < kManyKeys) return;
  keyspace_.lazy_free().submit(0,
                               [table = std::make_unique<TrackingTable>(std::move(gone))]() mutable { table.reset(); });
}

// ---- prefixes ----

// Prefixes have few lengths, however many there are.
void Tracking::note_for_prefixes(std::string_view key, uint64_t author) {
  for (const auto& [length, prefixes] : prefix_lengths_) {
    if (length > key.size()) break;
    const auto found = prefixes_.find(key.substr(0, length));
    if (found == prefixes_.end()) continue;
    auto& changed = found->second.changed;
    const auto known = changed.find(key);
    if (known != changed.end()) {
      known->second = author;
    } else {
      changed.emplace(key, author);
    }
    broadcast_pending_ = true;
  }
}

void Tracking::end_of_turn() {
  if (!std::exchange(broadcast_pending_, false)) return;
  for (auto& [name, prefix] : prefixes_) {
    if (!prefix.changed.empty()) broadcast(prefix);
  }
}

void Tracking::broadcast(Prefix& prefix) {
  const auto changed = std::exchange(prefix.changed, {});
  // The array of all that were not changed by `left_out`; empty: there are none.
  const auto names_without = [&](uint64_t left_out) {
    std::string names;
    size_t count = 0;
    protocol::ReplyWriter writer(names, protocol::kResp2);
    const auto start = writer.begin_aggregate();
    for (const auto& [key, author] : changed) {
      if (author == left_out && author != 0) continue;
      writer.bulk(key);
      count++;
    }
    if (count > 0) writer.end_array(start, count);
    return names;
  };
  const std::string all = names_without(0);
  for (const uint64_t client : prefix.clients) {
    Tracker& tracker = trackers_.at(client);
    if (!tracker.no_loop) {
      outlet_.forget_keys(tracker, all);
    } else if (const std::string names = names_without(client); !names.empty()) {
      outlet_.forget_keys(tracker, names);
    }
  }
}

size_t Tracking::memory_bytes() const {
  constexpr size_t kNode = 4 * sizeof(void*);
  size_t bytes = table_.memory_bytes();
  for (const auto& [name, prefix] : prefixes_) {
    bytes += kNode + sizeof(std::string) + name.capacity() + sizeof(Prefix) +
             prefix.clients.size() * (kNode + sizeof(uint64_t));
  }
  return bytes;
}

}  // namespace cowslip::commands
