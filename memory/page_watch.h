// The pages of one address range that a child inherits, and which of them have been written since the fork.
//
// The owner of the range says where it writes; the first write to a page that was in use at the fork is counted by the
// ledger (cow_ledger.h). wrote() is a comparison as long as there is nothing left to be found: between snapshots, in a
// range that is kept from the child, and once all pages have been written.
//
// Thread: event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "memory/address_range.h"
#include "memory/size_classes.h"

namespace cowslip::memory {

class CowLedger;
enum class MemoryKind : uint8_t;

class PageWatch {
 public:
  PageWatch() = default;
  ~PageWatch() { stop(); }
  PageWatch(const PageWatch&) = delete;
  PageWatch& operator=(const PageWatch&) = delete;

  // `touched()`: how many bytes of the range, from its beginning, have memory. Ledger and range outlive the watch, or
  // stop() is called before they go.
  void start(CowLedger& ledger, const AddressRange& range, MemoryKind kind, std::function<size_t()> touched);
  // The range, none when the watch was started, has been reserved; nothing has been written yet.
  void range_made();
  // The range goes, now or soon, and its pages are a child's alone. Also before another thread destroys it.
  void stop();

  // A few bytes at `at` are written, on behalf of a database (kNoDatabase: of all). Anything outside the range is
  // ignored.
  void wrote(const void* at, int database) {
    if (unwritten_ == 0) [[likely]]
      return;
    const size_t page = (reinterpret_cast<uintptr_t>(at) - begin_) / kPageBytes;
    if (page >= pages_ || (bits_[page / 64] & bit_of(page)) != 0) return;
    first_write(page, database);
  }

 private:
  friend class CowLedger;
  // Pages that the child will inherit.
  size_t inherited_pages() const;
  void begin(size_t pages, uint64_t* bits);
  void end() { pages_ = unwritten_ = 0; }
  static uint64_t bit_of(size_t page) { return uint64_t{1} << (page % 64); }
  void first_write(size_t page, int database);

  size_t unwritten_ = 0;  // pages that are not marked yet
  size_t pages_ = 0;      // that are watched
  uintptr_t begin_ = 0;
  uint64_t* bits_ = nullptr;
  CowLedger* ledger_ = nullptr;
  const AddressRange* range_ = nullptr;
  std::function<size_t()> touched_;
  size_t place_ = 0;  // among the ledger's watches
  MemoryKind kind_{};
};

}  // namespace cowslip::memory
