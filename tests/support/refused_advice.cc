#include "tests/support/refused_advice.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cowslip::testing {
namespace {

// A little-endian machine: the low half of a 64-bit argument comes first.
constexpr uint32_t kAdviceArgument = offsetof(seccomp_data, args[2]);

sock_filter load(uint32_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}
// Skips `otherwise` instructions when the loaded word is not `value`.
sock_filter unless(uint32_t value, uint8_t otherwise) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, otherwise);
}
sock_filter answer(uint32_t action) {
  return BPF_STMT(BPF_RET | BPF_K, action);
}

}  // namespace

bool refuse_advice(const std::set<int>& advice) {
  std::vector<sock_filter> program = {load(offsetof(seccomp_data, nr)),
                                      unless(SYS_madvise, static_cast<uint8_t>(1 + 2 * advice.size())),
                                      load(kAdviceArgument)};
  for (const int refused : advice) {
    program.push_back(unless(static_cast<uint32_t>(refused), 1));
    program.push_back(answer(SECCOMP_RET_ERRNO | EINVAL));
  }
  program.push_back(answer(SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace cowslip::testing
