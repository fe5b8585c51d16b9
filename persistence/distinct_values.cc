#include "persistence/distinct_values.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string_view>
#include <utility>

#include "base/random.h"

namespace cowslip::persistence {
namespace {

constexpr size_t kFirstSlots = 256;
constexpr size_t kSlotsKept = 4096;

}  // namespace

DistinctValues::DistinctValues() : seed_(os_random_u64()), slots_(kFirstSlots) {}

void DistinctValues::clear() {
  if (used_ == 0) return;
  if (few_.size() == used_) {
    for (const uint32_t slot : few_) slots_[slot] = {};
  } else if (slots_.size() > kSlotsKept) {
    slots_ = std::vector<Slot>(kFirstSlots);
  } else {
    slots_.assign(slots_.size(), Slot{});
  }
  few_.clear();
  used_ = 0;
}

DistinctValues::Slot& DistinctValues::place_of(const Slot& hash) {
  size_t at = hash.low & (slots_.size() - 1);
  while (slots_[at] != Slot{} && slots_[at] != hash) at = (at + 1) & (slots_.size() - 1);
  return slots_[at];
}

void DistinctValues::grow() {
  few_.clear();
  const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
  for (const Slot& slot : before) {
    if (slot != Slot{}) place_of(slot) = slot;
  }
}

bool DistinctValues::insert(const store::StringView& value) {
  store::StringView::Scratch scratch;
  const std::string_view text = value.text(scratch);
  const XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), seed_);
  const Slot wanted{hash.low64, hash.high64 | 1};
  Slot& place = place_of(wanted);
  if (place == wanted) return false;
  place = wanted;
  used_++;
  if (used_ <= kFirstSlots / 2) few_.push_back(static_cast<uint32_t>(&place - slots_.data()));
  if (used_ * 2 > slots_.size()) grow();
  return true;
}

}  // namespace cowslip::persistence
