// The switches of ChunkPool: each policy off and on again, at run time, to see what it is good for.
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <memory>

#include "memory/arena.h"
#include "memory/chunk_pool.h"
#include "memory/poison.h"

namespace cowslip::memory {
namespace {

constexpr size_t kWordsPerPage = kPageBytes / sizeof(uint64_t);

// Free slots are poisoned, so no library function may do it.
__attribute__((no_sanitize("address"))) void copy_page(uint64_t* to, const uint64_t* from) {
  for (size_t word = 0; word < kWordsPerPage; word++) static_cast<volatile uint64_t*>(to)[word] = from[word];
}

}  // namespace

std::string_view name(Policy policy) {
  static constexpr std::array<std::string_view, kPolicies> kNames = {"huge-pages", "fresh-writes", "dismissal",
                                                                     "unshared-index"};
  return kNames[static_cast<size_t>(policy)];
}

bool ChunkPool::policy(Policy policy) const {
  switch (policy) {
    case Policy::kHugePages:
      return range_.huge_pages();
    case Policy::kFreshWrites:
      return epoch_.fresh_writes();
    case Policy::kDismissal:
      return dismissal_;
    case Policy::kUnsharedIndex:
      return unshared_index_;
  }
  return false;
}

Status ChunkPool::set_policy(Policy policy, bool on) {
  if (snapshot_running()) return fail(ErrorCode::kBusy, "A snapshot is being written, its policies stay as they are");
  switch (policy) {
    case Policy::kHugePages:
      return switch_huge_pages(on);
    case Policy::kFreshWrites: {
      const std::lock_guard lock(mutex_);
      epoch_.set_fresh_writes(on);
      break;
    }
    case Policy::kDismissal:
      dismissal_ = on;
      break;
    case Policy::kUnsharedIndex:
      unshared_index_ = on;
      break;
  }
  return {};
}

Status ChunkPool::switch_huge_pages(bool on) {
  if (on == range_.huge_pages()) return {};
  if (on && kernel_.huge_pages_forbidden()) return fail(ErrorCode::kUnsupported, "Huge pages are forbidden here");
  {
    const std::lock_guard lock(mutex_);
    range_.set_huge_pages(on);
    if (on && !range_.huge_pages()) return fail(ErrorCode::kUnsupported, "The system refuses huge pages");
    huge_pages_text_ = on ? "on" : "off: switched off";
    collapse_known_ = on && kernel_.advise(range_.begin(), 0, kMadviseCollapse);
    healing_works_ = collapse_known_;
    to_heal_.reset();
    if (collapse_known_) to_heal_ = 1;
  }
  if (on) {
    run_keeper();
  } else {
    purge();
    take_small_pages();
  }
  return {};
}

// A huge page that is only split costs a fork and a copy other than small pages do. So the kernel gets each chunk back,
// and is handed the same bytes again; for pages of zeros none are taken. Nobody else looks at a block meanwhile.
void ChunkPool::take_small_pages() {
  const auto copy = std::make_unique<std::array<uint64_t, kChunkBytes / sizeof(uint64_t)>>();
  for (const Arena* arena : arenas_) {
    for (const Arena::Space& space : arena->spaces_) {
      for (const ChunkNumber chunk : space.chunks) rewrite_chunk(chunk, *copy);
    }
  }
}

void ChunkPool::rewrite_chunk(ChunkNumber chunk, std::span<uint64_t> copy) {
  auto* const words = reinterpret_cast<uint64_t*>(begin_of(chunk));
  for (size_t at = 0; at < copy.size(); at += kWordsPerPage) copy_page(&copy[at], words + at);
  if (!kernel_.advise(words, kChunkBytes, MADV_DONTNEED)) return;  // they are what they were
  for (size_t at = 0; at < copy.size(); at += kWordsPerPage) {
    const auto page = copy.subspan(at, kWordsPerPage);
    if (std::ranges::any_of(page, [](uint64_t word) { return word != 0; })) copy_page(words + at, page.data());
  }
}

}  // namespace cowslip::memory
