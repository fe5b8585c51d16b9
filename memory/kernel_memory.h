// The kernel's memory calls, as a seam: what a machine may refuse (huge pages, MADV_COLLAPSE, MADV_DONTFORK), a test
// can refuse too. Thread-safe, and callable in a forked child.
#pragma once

#include <cstddef>

namespace cowslip::memory {

// Kinds of advice that are younger than the C library's headers: Linux 5.14 and 6.1.
inline constexpr int kMadvisePopulateWrite = 23;
inline constexpr int kMadviseCollapse = 25;

inline constexpr size_t kMostPagesAsked = 512;

class KernelMemory {
 public:
  virtual ~KernelMemory() = default;
  // Address space without memory: private, anonymous, inaccessible, not accounted. Null with errno when refused.
  virtual void* reserve(size_t bytes) = 0;
  // Zeroed memory that a forked child shares with its parent. Null with errno when refused.
  virtual void* map_shared(size_t bytes) = 0;
  virtual void unmap(void* at, size_t bytes) = 0;
  // Makes reserved pages readable and writable. False with errno.
  virtual bool make_accessible(void* at, size_t bytes) = 0;
  // madvise(2). False with errno.
  virtual bool advise(void* at, size_t bytes, int advice) = 0;
  // How many 4 KiB pages from `at` on have memory; all of them where the kernel does not say. At most kMostPagesAsked.
  virtual size_t resident_pages(const void* at, size_t pages) = 0;
  // Whether huge pages are not wanted: by the machine ("never" in /sys/kernel/mm/transparent_hugepage/enabled), or for
  // this process (PR_SET_THP_DISABLE).
  virtual bool huge_pages_forbidden() = 0;
};

KernelMemory& real_kernel_memory();

}  // namespace cowslip::memory
