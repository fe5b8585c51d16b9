#include "memory/address_range.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <utility>

namespace cowslip::memory {
namespace {

constexpr size_t kHugePageBytes = 2u << 20;

// Each commit is a system call; a step of this much makes them rare. Committed memory costs nothing until it is
// touched.
constexpr size_t kCommitStep = 4u << 20;

size_t round_up(size_t value, size_t to) {
  return (value + to - 1) & ~(to - 1);
}

}  // namespace

AddressRange::AddressRange(KernelMemory& kernel, const Options& options) : kernel_(&kernel) {
  for (bytes_ = options.bytes; mapping_ == nullptr; bytes_ /= 2) {
    if (bytes_ < options.least_bytes) std::abort();
    mapped_bytes_ = bytes_ + options.alignment;
    mapping_ = kernel.reserve(mapped_bytes_);
    if (mapping_ != nullptr) break;
  }
  begin_ = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(mapping_), options.alignment));
  if (!options.forked) kept_from_child_ = kernel.advise(mapping_, mapped_bytes_, MADV_DONTFORK);
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
  std::swap(kept_from_child_, other.kept_from_child_);
  std::swap(huge_pages_, other.huge_pages_);
  return *this;
}

void AddressRange::commit(size_t bytes) {
  if (bytes <= committed_) return;
  const size_t end = std::min(round_up(bytes, kCommitStep), bytes_);
  if (bytes > end || !kernel_->make_accessible(begin_ + committed_, end - committed_)) std::abort();
  committed_ = end;
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
  (void)kernel_->advise(at_, bytes_, MADV_POPULATE_WRITE);  // unknown before Linux 5.14: the first write will do it
}

void AddressRange::give_back(size_t from) {
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  from = round_up(from, page);
  if (from < committed_) (void)kernel_->advise(begin_ + from, committed_ - from, MADV_DONTNEED);
}

}  // namespace cowslip::memory
