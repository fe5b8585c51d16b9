#include "server/page_fault_stall.h"

#include <sys/resource.h>

#include <algorithm>

namespace cowslip::server {

namespace {

int64_t microseconds(const timeval& time) {
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

}  // namespace

ThreadUsage read_thread_usage() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return {.user_us = microseconds(usage.ru_utime),
          .system_us = microseconds(usage.ru_stime),
          .page_faults = static_cast<uint64_t>(usage.ru_minflt) + static_cast<uint64_t>(usage.ru_majflt),
          .voluntary_switches = static_cast<uint64_t>(usage.ru_nvcsw)};
}

int64_t stall_us(const ThreadUsage& before, const ThreadUsage& after, int64_t took_us) {
  if (after.page_faults == before.page_faults) return 0;
  const int64_t user_us = after.user_us - before.user_us;
  const int64_t system_us = after.system_us - before.system_us;
  const bool waited = after.voluntary_switches != before.voluntary_switches;
  const int64_t blocked_us = waited ? std::max<int64_t>(took_us - user_us - system_us, 0) : 0;
  return std::clamp<int64_t>(system_us + blocked_us, 0, took_us);
}

}  // namespace cowslip::server
