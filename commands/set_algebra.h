// Unions, intersections and differences of sets, member by member. What they call emit() with are views of the sets,
// valid as long as those are; a member comes once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "store/set.h"

namespace cowslip::commands {

// Members that have been seen: a hash table of views, without order, beside a list of them in the order in which they
// came. Not for what lasts.
class MemberTable {
 public:
  explicit MemberTable(uint64_t seed) : seed_(seed) {}

  // False when it was there already.
  bool add(const store::StringView& member);
  // Forgets the member, if it is there.
  void erase(const store::StringView& member);
  size_t size() const { return size_; }
  // Calls visit(StringView) for those that are left, in the order in which they came.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const Member& member : members_) {
      if (!member.erased) visit(member.name);
    }
  }

 private:
  struct Member {
    store::StringView name;
    uint32_t hash;
    bool erased;
  };
  static constexpr uint32_t kFree = UINT32_MAX;

  uint32_t hash(const store::StringView& member) const;
  // The slot of the member, or the free one where it would be.
  uint32_t& slot(const store::StringView& member, uint32_t hash);
  void grow();

  const uint64_t seed_;
  std::vector<Member> members_;
  std::vector<uint32_t> slots_;  // numbers in members_; their count is a power of two
  size_t size_ = 0;
};

// Emits what is in all of the sets, until emit(StringView) returns false.
template <typename Emit>
void intersect(std::vector<store::SetView> sets, Emit&& emit) {
  std::ranges::sort(sets, {}, &store::SetView::size);
  const std::span others = std::span(sets).subspan(1);
  sets[0].for_each_while([&](const store::StringView& member) {
    const bool in_all = std::ranges::all_of(others, [&](const store::SetView& set) { return set.contains(member); });
    return !in_all || emit(member);
  });
}

// Emits what is in any of the sets.
template <typename Emit>
void unite(std::span<const store::SetView> sets, uint64_t seed, Emit&& emit) {
  if (sets.size() == 1) return sets[0].for_each(emit);
  MemberTable seen(seed);
  for (const store::SetView& set : sets) {
    set.for_each([&](const store::StringView& member) {
      if (seen.add(member)) emit(member);
    });
  }
}

// Whether looking for each member of `first` in the others is less work than to go through all of them.
bool looking_up_is_less(const store::SetView& first, std::span<const store::SetView> others);

// Emits what is in `first` and in none of the others, which may be none. consider(StringView) is told of members that
// may be among them, those that are included.
template <typename Emit, typename Consider>
void subtract(const store::SetView& first, std::vector<store::SetView> others, uint64_t seed, Emit&& emit,
              Consider&& consider) {
  if (looking_up_is_less(first, others)) {
    // In the largest first: there it is most likely.
    std::ranges::sort(others, std::ranges::greater(), &store::SetView::size);
    first.for_each([&](const store::StringView& member) {
      if (std::ranges::any_of(others, [&](const store::SetView& set) { return set.contains(member); })) return;
      consider(member);
      emit(member);
    });
    return;
  }
  MemberTable left(seed);
  first.for_each([&](const store::StringView& member) {
    consider(member);
    left.add(member);
  });
  for (const store::SetView& set : others) {
    set.for_each_while([&](const store::StringView& member) {
      left.erase(member);
      return left.size() > 0;
    });
  }
  left.for_each(emit);
}

}  // namespace cowslip::commands
