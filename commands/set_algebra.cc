#include "commands/set_algebra.h"

#include "store/name_hash.h"

namespace cowslip::commands {

using store::SetView;
using store::StringView;

namespace {

bool same(const StringView& a, const StringView& b) {
  if (a.is_integer() && b.is_integer()) return a.integer() == b.integer();
  StringView::Scratch a_scratch, b_scratch;
  return a.text(a_scratch) == b.text(b_scratch);
}

}  // namespace

uint32_t MemberTable::hash(const StringView& member) const {
  StringView::Scratch scratch;
  return store::name_hash(member.text(scratch), seed_);
}

uint32_t& MemberTable::slot(const StringView& member, uint32_t hash) {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const uint32_t number = slots_[at];
    if (number == kFree) return slots_[at];
    if (members_[number].hash == hash && same(members_[number].name, member)) return slots_[at];
  }
}

void MemberTable::grow() {
  constexpr size_t kFirst = 32;
  slots_.assign(std::max(2 * slots_.size(), kFirst), kFree);
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < members_.size(); i++) {
    size_t at = members_[i].hash & mask;
    while (slots_[at] != kFree) at = (at + 1) & mask;
    slots_[at] = static_cast<uint32_t>(i);
  }
}

bool MemberTable::add(const StringView& member) {
  if (2 * members_.size() >= slots_.size()) grow();
  const uint32_t code = hash(member);
  uint32_t& at = slot(member, code);
  if (at != kFree && !members_[at].erased) return false;
  if (at == kFree) {
    at = static_cast<uint32_t>(members_.size());
    members_.push_back({member, code, false});
  }
  members_[at].erased = false;
  size_++;
  return true;
}

void MemberTable::erase(const StringView& member) {
  if (size_ == 0) return;
  const uint32_t at = slot(member, hash(member));
  if (at == kFree || members_[at].erased) return;
  members_[at].erased = true;
  size_--;
}

// By Redis's estimate: a look-up counts half, for it often ends early.
bool looking_up_is_less(const SetView& first, std::span<const SetView> others) {
  const uint64_t look_ups = first.size() * (others.size() + 1) / 2;
  uint64_t members = first.size();
  for (const SetView& set : others) members += set.size();
  return look_ups <= members;
}

}  // namespace cowslip::commands
