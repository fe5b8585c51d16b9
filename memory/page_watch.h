// The pages of one address range that a child inherits, and which of them have been written since the fork.
//
// The owner of the range says where it writes; the first write to a page that was in use at the fork is counted by the
// ledger (cow_ledger.h). A range that is kept from the child has nothing to be watched, and between snapshots wrote()
// is a comparison.
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
  // The range goes, now or soon, and its pages are a child's alone. Also before another thread destroys it.
  void stop();

  // A few bytes at `at` are written, on behalf of a database (kNoDatabase: of all). Anything outside the range is
  // ignored.
  void wrote(const void* at, int database) {
    const size_t page = (reinterpret_cast<uintptr_t>(at) - begin_) / kPageBytes;
    if (page >= pages_) return;
    uint64_t& word = bits_[page / 64];
    const uint64_t bit = uint64_t{1} << (page % 64);
    if ((word & bit) != 0) return;
    word |= bit;
    first_write(database);
  }

 private:
  friend class CowLedger;
  // Pages that the child will inherit.
  size_t inherited_pages() const;
  void begin(size_t pages, uint64_t* bits);
  void end() { pages_ = 0; }
  void first_write(int database);

  uintptr_t begin_ = 0;
  size_t pages_ = 0;  // 0: nothing is watched
  uint64_t* bits_ = nullptr;
  CowLedger* ledger_ = nullptr;
  const AddressRange* range_ = nullptr;
  std::function<size_t()> touched_;
  MemoryKind kind_{};
};

}  // namespace cowslip::memory
