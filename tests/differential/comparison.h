// When two replies count as the same.
//
// The oracle is Redis 7.0.15, the contract Redis 7.2. What differs between the two on purpose is listed in
// comparison.cc, each with its reason; everything else has to be equal, type and content.
#pragma once

#include "tests/differential/generator.h"
#include "tests/support/reply.h"

namespace cowslip::testing {

// How far the two servers' clocks and our own delays may pull times apart.
inline constexpr int64_t kClockToleranceMs = 10'000;

bool same_reply(const Reply& cowslip, const Reply& redis, Compare compare);
// As the step says, each element by itself if it says so.
bool same_reply(const Reply& cowslip, const Reply& redis, const Step& step);

}  // namespace cowslip::testing
