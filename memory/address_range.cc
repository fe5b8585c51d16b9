#include "memory/address_range.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/numbers.h"

namespace cowslip::memory {
namespace {

// Each commit is a system call; a step of this much makes them rare. Committed memory costs nothing until it is
// touched.
constexpr size_t kCommitStep = 4u << 20;

// populate() in parallel: what a thread takes at a time, what is worth another thread, and how many threads saturate
// the memory of a machine.
constexpr size_t kPopulatedAtATime = kHugePageBytes;
constexpr size_t kWorthAThread = 2 * kHugePageBytes;
constexpr size_t kMostPopulatingThreads = 8;

size_t page_bytes() {
  static const auto bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

// Where addresses are limited (ulimit -v), no range may take all of them.
size_t within_limit(size_t bytes, const AddressRange::Options& options) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return bytes;
  return std::max(std::min<size_t>(bytes, limit.rlim_cur / options.share_of_limit), options.least_bytes);
}

[[noreturn]] void end_process(const char* what, size_t bytes) {
  ::dprintf(STDERR_FILENO, "Out of memory: %s %zu bytes (%s)\n", what, bytes, std::strerror(errno));
  std::abort();
}

}  // namespace

AddressRange::AddressRange(KernelMemory& kernel, const Options& options) : kernel_(&kernel) {
  // Where that much is refused, the next try is for an eighth: others will need addresses as well.
  for (bytes_ = within_limit(options.bytes, options);; bytes_ = std::max(bytes_ / 8, options.least_bytes)) {
    mapped_bytes_ = bytes_ + options.alignment;
    mapping_ = kernel.reserve(mapped_bytes_);
    if (mapping_ != nullptr) break;
    if (bytes_ <= options.least_bytes) end_process("there is no address space for", bytes_);
  }
  begin_ = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(mapping_), options.alignment));
  if (!options.forked) kept_from_child_ = kernel.advise(mapping_, mapped_bytes_, MADV_DONTFORK);
  huge_pages_after_ = options.huge_pages_after;
  if (options.huge_pages_after < bytes_) {
    huge_pages_ = kernel.advise(begin_ + options.huge_pages_after, bytes_ - options.huge_pages_after, MADV_HUGEPAGE);
  }
}

AddressRange::~AddressRange() {
  if (mapping_ != nullptr) kernel_->unmap(mapping_, mapped_bytes_);
}

AddressRange::AddressRange(AddressRange&& other) noexcept {
  *this = std::move(other);
}

AddressRange& AddressRange::operator=(AddressRange&& other) noexcept {
  std::swap(kernel_, other.kernel_);
  std::swap(begin_, other.begin_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  std::swap(bytes_, other.bytes_);
  std::swap(committed_, other.committed_);
  std::swap(huge_pages_after_, other.huge_pages_after_);
  std::swap(kept_from_child_, other.kept_from_child_);
  std::swap(huge_pages_, other.huge_pages_);
  return *this;
}

void AddressRange::commit(size_t bytes) {
  if (bytes <= committed_) return;
  const size_t end = std::min(round_up(bytes, kCommitStep), bytes_);
  if (bytes > end) end_process("a reserved range is too small for", bytes);
  if (!kernel_->make_accessible(begin_ + committed_, end - committed_)) end_process("the system refuses", bytes);
  committed_ = end;
}

void AddressRange::populate(size_t from, size_t to) {
  std::atomic<size_t> next = from;
  const auto take_pieces = [&] {
    for (size_t at = next.fetch_add(kPopulatedAtATime); at < to; at = next.fetch_add(kPopulatedAtATime)) {
      populate_here(at, std::min(at + kPopulatedAtATime, to));
    }
  };
  const size_t processors = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMostPopulatingThreads);
  const size_t helpers = std::min(processors - 1, (to - from) / kWorthAThread);
  std::vector<std::jthread> threads;  // joined when they go
  try {
    while (threads.size() < helpers) threads.emplace_back(take_pieces);
  } catch (const std::system_error&) {
    // No thread to be had: those that are there do its part.
  }
  take_pieces();
}

// By writing where the kernel does not know the advice (before Linux 5.14).
void AddressRange::populate_here(size_t from, size_t to) {
  if (kernel_->advise(begin_ + from, to - from, kMadvisePopulateWrite)) return;
  for (size_t at = from; at < to; at += page_bytes()) *static_cast<volatile char*>(begin_ + at) = 0;
}

std::optional<PagesAhead> AddressRange::ready_ahead(size_t used, size_t& ready) {
  if (used <= kHugePageBytes / 2) return {};
  const size_t end = round_up(used + kHugePageBytes / 2, kHugePageBytes);
  if (end <= ready || end > bytes_) return {};
  commit(end);
  const size_t from = std::exchange(ready, end);
  return PagesAhead(*kernel_, begin_ + from, end - from);
}

void PagesAhead::populate() const {
  (void)kernel_->advise(at_, bytes_, kMadvisePopulateWrite);  // unknown before Linux 5.14: the first write will do it
}

size_t AddressRange::touched_bytes(size_t used) const {
  const bool huge = huge_pages_ && used > huge_pages_after_;
  return std::min(round_up(used, huge ? kHugePageBytes : page_bytes()), bytes_);
}

void AddressRange::set_huge_pages(bool huge) {
  const bool agreed = kernel_->advise(begin_, bytes_, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  huge_pages_ = huge && agreed;
  huge_pages_after_ = 0;
}

void AddressRange::set_forked(bool forked) {
  if (kernel_->advise(mapping_, mapped_bytes_, forked ? MADV_DOFORK : MADV_DONTFORK)) kept_from_child_ = !forked;
}

void AddressRange::give_back(size_t from) {
  from = round_up(from, page_bytes());
  if (from >= committed_) return;
  // Refused where memory is locked: then it is kept, but it still has to read as zero.
  if (!kernel_->advise(begin_ + from, committed_ - from, MADV_DONTNEED)) {
    std::memset(begin_ + from, 0, committed_ - from);
  }
}

}  // namespace cowslip::memory
