// A kernel that refuses some of madvise's advice, for one process and what it executes: a seccomp filter, so the server
// under test meets the errno it would meet on an old or a hardened system, and knows of no test.
#pragma once

#include <set>

namespace cowslip::testing {

// From here on madvise(2) with one of `advice` fails with EINVAL in this process and its children. Async-signal-safe
// apart from the set's walk: meant for the time between fork and exec. False with errno where filters are not allowed.
bool refuse_advice(const std::set<int>& advice);

}  // namespace cowslip::testing
