// A key's entry that no index refers to yet: what a file or RESTORE brings is made whole before anybody can see it.
#pragma once

#include <utility>

#include "store/database.h"

namespace cowslip::store {

// Owns the entry, in the memory of `db`, until Database::load() takes it. Does not outlive the database's contents.
// Event loop only.
class PreparedEntry {
 public:
  PreparedEntry(Database& db, Entry* entry) : db_(&db), entry_(entry) {}
  PreparedEntry(PreparedEntry&& other) noexcept : db_(other.db_), entry_(std::exchange(other.entry_, nullptr)) {}
  PreparedEntry& operator=(PreparedEntry&&) = delete;
  PreparedEntry(const PreparedEntry&) = delete;
  PreparedEntry& operator=(const PreparedEntry&) = delete;
  ~PreparedEntry() {
    if (entry_ != nullptr) db_->contents_->factory.free(entry_);
  }

  const Entry& entry() const { return *entry_; }

 private:
  friend class Database;
  Entry* release() { return std::exchange(entry_, nullptr); }

  Database* db_;
  Entry* entry_;
};

}  // namespace cowslip::store
