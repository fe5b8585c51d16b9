#include "memory/page_watch.h"

#include <algorithm>
#include <utility>

#include "memory/cow_ledger.h"

namespace cowslip::memory {

void PageWatch::start(CowLedger& ledger, const AddressRange& range, MemoryKind kind, std::function<size_t()> touched) {
  ledger_ = &ledger;
  range_ = &range;
  kind_ = kind;
  touched_ = std::move(touched);
  ledger.add(*this);
}

void PageWatch::range_made() {
  if (ledger_ != nullptr) ledger_->range_made(*range_);
}

void PageWatch::stop() {
  if (ledger_ == nullptr) return;
  ledger_->watched_range_gone(unwritten_);
  ledger_->remove(*this);
  ledger_ = nullptr;
  end();
}

size_t PageWatch::inherited_pages() const {
  if (!*range_ || range_->kept_from_child()) return 0;
  return (std::min(touched_(), range_->committed()) + kPageBytes - 1) / kPageBytes;
}

void PageWatch::begin(size_t pages, uint64_t* bits) {
  begin_ = reinterpret_cast<uintptr_t>(range_->begin());
  bits_ = bits;
  pages_ = unwritten_ = pages;
}

void PageWatch::first_write(size_t page, int database) {
  bits_[page / 64] |= bit_of(page);
  unwritten_--;
  ledger_->count_watched_copy(kind_, database);
}

}  // namespace cowslip::memory
