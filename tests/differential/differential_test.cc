// The same random commands to Cowslip and to redis-server: the same replies, and the same data at the end.
//
// COWSLIP_SEED repeats one run; COWSLIP_DIFFERENTIAL_STEPS makes runs longer; COWSLIP_DIFFERENTIAL_KEEP_GOING collects
// differences in place of stopping at the first; COWSLIP_DIFFERENTIAL_HISTORY says how many commands a report lists.
//
// With COWSLIP_DIFFERENTIAL_BGSAVE set, Cowslip saves in the background all the while (the ctest entry
// differential_under_saves_test).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
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

bool under_saves() {
  return environment_integer("COWSLIP_DIFFERENTIAL_BGSAVE", 0) != 0;
}

// A comparison beside saves is worth its name when most steps were taken during one, and there were many. `steps`: as
// many as were asked for; `taken`: until there were enough saves.
void expect_overlap(const OverlapFigures& figures, int64_t steps, int64_t taken) {
  EXPECT_EQ(figures.error, "");
  std::cout << fmt::format("{} of {} steps were taken during {} saves\n", figures.steps, taken, figures.saves);
  EXPECT_GE(figures.saves, steps / Lockstep::kStepsForASave);
  EXPECT_GE(figures.steps, taken / 2);
}

void run_seed(uint64_t seed, int64_t steps) {
  Lockstep lockstep(under_saves() ? Lockstep::Saves::kConstant : Lockstep::Saves::kAsTold);
  const std::string differences = lockstep.run(seed, steps, usable_generators(lockstep.cowslip()));
  EXPECT_TRUE(differences.empty()) << differences;
  if (under_saves()) expect_overlap(lockstep.end_saves(), steps, lockstep.steps_taken());
}

int64_t default_steps() {
  const int64_t usual = under_saves() ? 6'000 : 20'000;
  return environment_integer("COWSLIP_DIFFERENTIAL_STEPS", sanitized() ? usual / 3 : usual);
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
