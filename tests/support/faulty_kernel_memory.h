// A kernel that refuses what it is told to, and otherwise does as the real one.
#pragma once

#include <atomic>
#include <cerrno>
#include <set>

#include "memory/kernel_memory.h"

namespace cowslip::memory {

class FaultyKernelMemory final : public KernelMemory {
 public:
  void refuse_reserving_more_than(size_t bytes) { most_reserved_ = bytes; }
  void refuse_shared_memory() { shares_ = false; }
  void forbid_huge_pages() { forbids_huge_pages_ = true; }
  void refuse_advice(int advice, int os_errno = EINVAL) {
    refused_.insert(advice);
    errno_ = os_errno;
  }

  void* reserve(size_t bytes) override {
    if (bytes <= most_reserved_) return real_.reserve(bytes);
    errno = ENOMEM;
    return nullptr;
  }
  void* map_shared(size_t bytes) override {
    if (shares_) return real_.map_shared(bytes);
    errno = ENOMEM;
    return nullptr;
  }
  void unmap(void* at, size_t bytes) override { real_.unmap(at, bytes); }
  bool make_accessible(void* at, size_t bytes) override { return real_.make_accessible(at, bytes); }
  bool advise(void* at, size_t bytes, int advice) override {
    if (!refused_.contains(advice)) return real_.advise(at, bytes, advice);
    refusals_++;
    errno = errno_;
    return false;
  }
  size_t resident_pages(const void* at, size_t pages) override { return real_.resident_pages(at, pages); }
  bool huge_pages_forbidden() override { return forbids_huge_pages_ || real_.huge_pages_forbidden(); }
  int refusals() const { return refusals_; }

 private:
  KernelMemory& real_ = real_kernel_memory();
  size_t most_reserved_ = SIZE_MAX;
  bool shares_ = true;
  bool forbids_huge_pages_ = false;
  std::set<int> refused_;
  int errno_ = EINVAL;
  std::atomic<int> refusals_ = 0;
};

}  // namespace cowslip::memory
