#include "commands/watched_keys.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace cowslip::commands {

// ---- one client ----

size_t Watcher::memory_bytes() const {
  return watches_.capacity() * sizeof(watches_[0]) + watches_.size() * sizeof(WatchedKeys::Watch);
}

void Watcher::forget_keys() {
  for (const auto& watch : watches_) registry_->unlink(*watch);
  watches_ = decltype(watches_)();
}

void Watcher::unwatch() {
  forget_keys();
  dirty_ = false;
}

// ---- all clients ----

WatchedKeys::WatchedKeys(store::Keyspace& keyspace)
    : keyspace_(keyspace), databases_(static_cast<size_t>(keyspace.count())) {}

WatchedKeys::~WatchedKeys() {
  assert(watches_ == 0);
}

bool WatchedKeys::is_expired(int database, const store::Entry& entry) const {
  return std::as_const(keyspace_).database(database).is_expired(entry);
}

void WatchedKeys::watch(Watcher& watcher, int database, std::string_view key) {
  if (watcher.dirty_) return;
  Keys& keys = databases_[static_cast<size_t>(database)];
  auto found = keys.find(key);
  if (found == keys.end()) found = keys.emplace(key, nullptr).first;
  Keys::value_type& node = *found;
  const auto is_same = [&](const auto& other) { return other->key == &node; };
  if (std::ranges::any_of(watcher.watches_, is_same)) return;

  const store::Entry* entry = keyspace_.database(database).peek(key);
  const bool was_expired = entry != nullptr && is_expired(database, *entry);
  auto watch = std::make_unique<Watch>(Watch{&watcher, &node, database, was_expired, nullptr, node.second});
  if (node.second != nullptr) node.second->before = watch.get();
  node.second = watch.get();
  watcher.registry_ = this;
  watcher.watches_.push_back(std::move(watch));
  if (watches_++ == 0) keyspace_.observers().add(*this);
}

void WatchedKeys::unlink(Watch& watch) {
  if (watch.before != nullptr) watch.before->after = watch.after;
  if (watch.after != nullptr) watch.after->before = watch.before;
  if (watch.key->second == &watch) watch.key->second = watch.after;
  if (watch.key->second == nullptr) {
    Keys& keys = databases_[static_cast<size_t>(watch.database)];
    keys.erase(keys.find(watch.key->first));
  }
  if (--watches_ == 0) keyspace_.observers().remove(*this);
}

bool WatchedKeys::changed(const Watcher& watcher) const {
  return watcher.dirty_ || std::ranges::any_of(watcher.watches_, [this](const auto& watch) {
           if (watch->was_expired) return false;
           const store::Entry* entry = keyspace_.database(watch->database).peek(watch->key->first);
           return entry != nullptr && is_expired(watch->database, *entry);
         });
}

bool WatchedKeys::notes_change(Watch& watch, const store::Entry* now, const store::Entry* then) const {
  const bool hidden = then != nullptr && is_expired(watch.database, *then);
  if (!watch.was_expired && (now != nullptr || !hidden)) return true;
  if (then != nullptr && !hidden) return true;
  // It was not there for the client, and still is not.
  watch.was_expired = hidden;
  return false;
}

void WatchedKeys::key_changed(const store::KeyEvent& event) {
  Keys& keys = databases_[static_cast<size_t>(event.database)];
  const auto found = keys.find(event.key);
  if (found == keys.end()) return;
  for (Watch* watch = found->second; watch != nullptr;) {
    Watcher& watcher = *watch->watcher;
    Watch* const next = watch->after;  // another client's
    if (!watch->was_expired || notes_change(*watch, nullptr, event.entry)) {
      watcher.dirty_ = true;
      watcher.forget_keys();  // it knows enough
    }
    watch = next;
  }
}

void WatchedKeys::replace(int database, const store::Database* next) {
  std::vector<Watcher*> dirty;
  const store::Database& present = std::as_const(keyspace_).database(database);
  for (const auto& [key, first] : databases_[static_cast<size_t>(database)]) {
    const store::Entry* now = present.peek(key);
    const store::Entry* then = next != nullptr ? next->peek(key) : nullptr;
    if (now == nullptr && then == nullptr) continue;
    for (Watch* watch = first; watch != nullptr; watch = watch->after) {
      if (notes_change(*watch, now, then)) dirty.push_back(watch->watcher);
    }
  }
  for (Watcher* watcher : dirty) {
    watcher->dirty_ = true;
    watcher->forget_keys();
  }
}

void WatchedKeys::before_flush(int database) {
  replace(database, nullptr);
}

void WatchedKeys::before_swap(int a, int b) {
  const store::Keyspace& keyspace = keyspace_;
  replace(a, &keyspace.database(b));
  replace(b, &keyspace.database(a));
}

}  // namespace cowslip::commands
