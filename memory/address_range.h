// A contiguous piece of address space that memory is laid into from its beginning.
//
// Problem: tables and arenas grow, and a growing thing in the heap is copied, or needs to know its last size before its
// first byte. Solution: reserve more addresses than the machine has memory; they cost nothing until they are used.
//
// The range is accessible up to committed() only, so it is not accounted (vm.overcommit_memory=2) before it is needed
// and stray pointers fault. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "memory/kernel_memory.h"

namespace cowslip::memory {

// What the kernel maps as one where it can: on x86-64, and on ARM with pages of 4 KiB.
inline constexpr size_t kHugePageBytes = 2u << 20;

// Pages that will be written soon. The kernel takes long to hand out a huge page, so a range that grows asks for the
// next one beforehand, and lets another thread wait for it: any may call populate(), at any time. Nothing that lies
// there changes by it, even should the range be gone by then.
class PagesAhead {
 public:
  PagesAhead(KernelMemory& kernel, char* at, size_t bytes) : kernel_(&kernel), at_(at), bytes_(bytes) {}
  void populate() const;

 private:
  KernelMemory* kernel_;
  char* at_;
  size_t bytes_;
};

class AddressRange {
 public:
  struct Options {
    size_t bytes;                 // wished for; less where the system refuses or limits addresses (ulimit -v)
    size_t least_bytes;           // below this much the process ends: nothing can be stored
    size_t share_of_limit = 16;   // where addresses are limited, at most one part in so many of the limit is taken
    size_t alignment = 4096;      // of begin(); a power of two, at least a page
    bool forked = true;           // false: MADV_DONTFORK, a child does not inherit the range
    size_t huge_pages_after = 0;  // MADV_HUGEPAGE from this offset on; SIZE_MAX for none
  };

  AddressRange() = default;
  AddressRange(KernelMemory& kernel, const Options& options);
  ~AddressRange();
  AddressRange(AddressRange&& other) noexcept;
  AddressRange& operator=(AddressRange&& other) noexcept;

  explicit operator bool() const { return begin_ != nullptr; }
  char* begin() const { return begin_; }
  size_t bytes() const { return bytes_; }
  size_t committed() const { return committed_; }

  // Makes [0, bytes) accessible; new memory is zero. Never shrinks. Running out of addresses or of memory ends the
  // process, as everywhere in the field.
  void commit(size_t bytes);
  // Has the kernel hand out the pages of [from, to) now, so that no later access waits for one. Large stretches are
  // shared between this thread and a few that help; all is done when it returns. REQUIRES: committed, whole pages, and
  // nothing has been stored there.
  void populate(size_t from, size_t to);
  // For a range that is used from its beginning up to `used` and has been readied up to `ready`: commits the next pages
  // when less than half a huge page is left, once `used` comes near huge pages at all, and moves `ready` behind them.
  std::optional<PagesAhead> ready_ahead(size_t used, size_t& ready);
  // Gives the memory of [from, committed()) back; it stays accessible and reads as zero again.
  void give_back(size_t from);

  // How much of the range has memory when [0, used) has been written: whole pages, huge ones where they are.
  size_t touched_bytes(size_t used) const;
  // Whether the kernel is asked for huge pages, from now on; what has pages keeps them.
  void set_huge_pages(bool huge);
  // Whether a child inherits the range; the kernel may refuse to change it.
  void set_forked(bool forked);

  // What the kernel agreed to.
  bool kept_from_child() const { return kept_from_child_; }
  bool huge_pages() const { return huge_pages_; }

 private:
  void populate_here(size_t from, size_t to);

  KernelMemory* kernel_ = nullptr;
  char* begin_ = nullptr;    // aligned
  void* mapping_ = nullptr;  // where the reservation starts
  size_t mapped_bytes_ = 0;  // of the reservation
  size_t bytes_ = 0;
  size_t committed_ = 0;
  size_t huge_pages_after_ = SIZE_MAX;
  bool kept_from_child_ = false;
  bool huge_pages_ = false;
};

}  // namespace cowslip::memory
