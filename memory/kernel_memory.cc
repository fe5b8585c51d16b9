#include "memory/kernel_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/file.h"

namespace cowslip::memory {
namespace {

constexpr size_t kSmallPageBytes = 4096;

void* or_null(void* mapped) {
  return mapped == MAP_FAILED ? nullptr : mapped;
}

// The line is like "always [madvise] never". No file: no huge pages in this kernel, which madvise() says too.
bool says_never() {
  const UniqueFd fd(::open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC));
  char line[64];
  const ssize_t length = fd ? ::read(fd.get(), line, sizeof line) : 0;
  return length > 0 && std::string_view(line, static_cast<size_t>(length)).contains("[never]");
}

class RealKernelMemory final : public KernelMemory {
 public:
  void* reserve(size_t bytes) override {
    return or_null(::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  }
  void* map_shared(size_t bytes) override {
    return or_null(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  }
  void unmap(void* at, size_t bytes) override { ::munmap(at, bytes); }
  bool make_accessible(void* at, size_t bytes) override { return ::mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0; }
  bool advise(void* at, size_t bytes, int advice) override { return ::madvise(at, bytes, advice) == 0; }
  size_t resident_pages(const void* at, size_t pages) override {
    unsigned char in_core[kMostPagesAsked];
    if (::mincore(const_cast<void*>(at), pages * kSmallPageBytes, in_core) != 0) return pages;
    return static_cast<size_t>(std::count_if(in_core, in_core + pages, [](unsigned char page) { return page & 1; }));
  }
  bool huge_pages_forbidden() override { return says_never() || ::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1; }
};

}  // namespace

KernelMemory& real_kernel_memory() {
  static RealKernelMemory kernel;
  return kernel;
}

}  // namespace cowslip::memory
