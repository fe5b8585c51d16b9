// The same random commands to Cowslip and to redis-server: the same replies, and the same data at the end.
//
// COWSLIP_SEED repeats one run; COWSLIP_DIFFERENTIAL_STEPS makes runs longer; COWSLIP_DIFFERENTIAL_KEEP_GOING collects
// differences in place of stopping at the first; COWSLIP_DIFFERENTIAL_HISTORY says how many commands a report lists.
#include <gtest/gtest.h>

#include <set>

#include "tests/differential/generator.h"
#include "tests/differential/lockstep.h"

namespace cowslip::testing {
namespace {

// Generators of the commands that the server has; coverage_test.cc sees to it that none is missing that should not be.
std::vector<Generator> usable_generators(const ServerProcess& server) {
  const auto names = server.client()("COMMAND", "LIST").strings();
  const std::set<std::string> known(names.begin(), names.end());
  std::vector<Generator> usable;
  for (const auto& generator : all_generators()) {
    const std::string container(generator.command.substr(0, generator.command.find('|')));
    if (container.empty() || known.contains(container)) usable.push_back(generator);
  }
  return usable;
}

void run_seed(uint64_t seed, int64_t steps) {
  Lockstep lockstep;
  const std::string differences = lockstep.run(seed, steps, usable_generators(lockstep.cowslip()));
  EXPECT_TRUE(differences.empty()) << differences;
}

int64_t default_steps() {
  return environment_integer("COWSLIP_DIFFERENTIAL_STEPS", sanitized() ? 6'000 : 20'000);
}

class Differential : public ::testing::TestWithParam<uint64_t> {};

TEST_P(Differential, FixedSeedFindsNoDifference) {
  run_seed(GetParam(), default_steps());
}
INSTANTIATE_TEST_SUITE_P(Seeds, Differential, ::testing::Values(1, 2, 3));

TEST(Differential, FreshSeedFindsNoDifference) {
  run_seed(announced_seed("Differential"), default_steps());
}

}  // namespace
}  // namespace cowslip::testing
