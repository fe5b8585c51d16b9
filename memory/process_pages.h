// Which pages of a process are its alone, page by page (/proc/PID/pagemap): for the memory that no code of ours
// accounts for, such as the general heap, stacks and the data of libraries.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cowslip::memory {

struct AddressSpan {
  uintptr_t begin = 0;
  size_t bytes = 0;
  uintptr_t end() const { return begin + bytes; }
  friend bool operator==(const AddressSpan&, const AddressSpan&) = default;
};

// Anonymous pages that are in memory; bytes. What is swapped out is not counted.
struct AnonymousPages {
  uint64_t present = 0;
  uint64_t exclusive = 0;  // of them, mapped by no other process
};

// Of `pid`'s private writable mappings, without what lies in `leave_out`. Of a forked child the exclusive pages are
// what it has written itself, and what it has kept since its parent wrote to it or let it go.
//
// Costs a walk over the page tables of these mappings, and eight bytes read for each page of address space: 0.1 ms for
// a few dozen megabytes. pid 0 is the calling process. Fails with kNotFound when the process is gone, or its pagemap
// may not be read. Thread-safe.
Result<AnonymousPages> anonymous_pages_outside(pid_t pid, std::span<const AddressSpan> leave_out);

// Of /proc/PID/maps: the private writable mappings, without the parts that lie in `leave_out`: the kernel makes one
// mapping of two that touch. Mappings of more than 64 GiB are left out, too. Pure.
std::vector<AddressSpan> private_writable_mappings(std::string_view maps, std::span<const AddressSpan> leave_out);

}  // namespace cowslip::memory
