#include "memory/kernel_memory.h"

#include <sys/mman.h>

namespace cowslip::memory {
namespace {

void* or_null(void* mapped) {
  return mapped == MAP_FAILED ? nullptr : mapped;
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
};

}  // namespace

KernelMemory& real_kernel_memory() {
  static RealKernelMemory kernel;
  return kernel;
}

}  // namespace cowslip::memory
