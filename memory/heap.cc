#include "memory/heap.h"

#include <malloc.h>

#ifdef COWSLIP_SANITIZED
#include <sanitizer/allocator_interface.h>
#endif
#ifdef COWSLIP_JEMALLOC
#include <jemalloc/jemalloc.h>
#define COWSLIP_STRINGIZE_(x) #x
#define COWSLIP_STRINGIZE(x) COWSLIP_STRINGIZE_(x)
#endif

#ifdef COWSLIP_JEMALLOC
// Read by jemalloc when it starts. One thread does nearly all that is allocated; further arenas, one for each helper
// thread, would be a few dozen pages that every fork copies anew because it locks and unlocks them.
const char* malloc_conf = "narenas:1";
#endif

namespace cowslip::memory {

#ifdef COWSLIP_JEMALLOC

namespace {

uint64_t read_statistic(const char* name) {
  size_t value = 0, size = sizeof value;
  return mallctl(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}

}  // namespace

HeapStatistics heap_statistics() {
  // jemalloc's figures are those of the last epoch; writing one makes it refresh them.
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  return {read_statistic("stats.allocated"), read_statistic("stats.active"), read_statistic("stats.resident"),
          read_statistic("stats.retained")};
}

std::string_view heap_name() {
  // Without the commit, which JEMALLOC_VERSION has as well.
  return "jemalloc-" COWSLIP_STRINGIZE(JEMALLOC_VERSION_MAJOR) "." COWSLIP_STRINGIZE(
      JEMALLOC_VERSION_MINOR) "." COWSLIP_STRINGIZE(JEMALLOC_VERSION_BUGFIX);
}

std::string heap_report() {
  std::string report;
  malloc_stats_print([](void* to, const char* text) { static_cast<std::string*>(to)->append(text); }, &report, nullptr);
  return report;
}

void purge_heap() {
  mallctl("arena." COWSLIP_STRINGIZE(MALLCTL_ARENAS_ALL) ".purge", nullptr, nullptr, nullptr, 0);
}

#else

HeapStatistics heap_statistics() {
#ifdef COWSLIP_SANITIZED
  const uint64_t allocated = __sanitizer_get_current_allocated_bytes();
  return {allocated, allocated, __sanitizer_get_heap_size(), 0};
#else
  const struct mallinfo2 info = mallinfo2();
  return {info.uordblks + info.hblkhd, info.arena + info.hblkhd, info.arena + info.hblkhd, 0};
#endif
}

std::string_view heap_name() {
  return "libc";
}
std::string heap_report() {
  return {};
}
void purge_heap() {
  malloc_trim(0);
}

#endif

}  // namespace cowslip::memory
