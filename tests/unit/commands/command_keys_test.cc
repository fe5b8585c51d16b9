// Where the keys of a request are found, for each kind of key specification.
#include "commands/command_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace cowslip::commands {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Words = std::vector<std::string_view>;

// The keys with "!" behind those that are overwritten; "none" when the request contradicts itself.
std::vector<std::string> keys(const CommandSpec& spec, const Words& args) {
  const auto found = keys_of(spec, args);
  if (!found) return {"none"};
  std::vector<std::string> names;
  for (const auto& [index, flags] : *found) {
    names.push_back(std::string(args[index]) + ((flags & kKeyOW) != 0 ? "!" : ""));
  }
  return names;
}

TEST(KeysOf, ARangeEndsAtTheArgumentsEnd) {
  const CommandSpec pairs = {.name = "pairs", .keys = {1, -1, 2}, .key_flags = kKeyOW};
  EXPECT_THAT(keys(pairs, {"pairs", "a", "1", "b", "2"}), ElementsAre("a!", "b!"));
  EXPECT_THAT(keys({.name = "none"}, {"none", "a"}), IsEmpty());
}

TEST(KeysOf, ANumberSaysHowManyFollow) {
  static constexpr KeySpec kSpecs[] = {{.range = kOneKey, .flags = kKeyOW},
                                       {.range = {2, 0, 1}, .flags = kKeyRO, .search = KeySearch::kCounted}};
  const CommandSpec store = {.name = "store", .keys = kOneKey, .key_specs = kSpecs};
  EXPECT_THAT(keys(store, {"store", "to", "2", "a", "b", "weights"}), ElementsAre("to!", "a", "b"));
  EXPECT_THAT(keys(store, {"store", "to", "3", "a", "b"}), ElementsAre("none"));
  EXPECT_THAT(keys(store, {"store", "to", "0", "a"}), ElementsAre("none"));
  EXPECT_THAT(keys(store, {"store", "to", "-1", "a"}), ElementsAre("none"));
  EXPECT_THAT(keys(store, {"store", "to", "9223372036854775807", "a"}), ElementsAre("none"));
  EXPECT_THAT(keys(store, {"store", "to", "x", "a"}), ElementsAre("none"));
  EXPECT_THAT(keys(store, {"store", "to"}), ElementsAre("none"));
}

TEST(KeysOf, AWordInAnyCaseComesBeforeTheKey) {
  static constexpr KeySpec kSpecs[] = {
      {.range = kOneKey, .flags = kKeyRO},
      {.range = {3, 0, 1}, .flags = kKeyOW, .search = KeySearch::kKeyword, .keyword = "STORE"}};
  const CommandSpec geo = {.name = "geo", .keys = kOneKey, .key_specs = kSpecs};
  EXPECT_THAT(keys(geo, {"geo", "a", "x", "store", "b", "store", "c"}), ElementsAre("a", "b!"));
  EXPECT_THAT(keys(geo, {"geo", "a", "store", "b"}), ElementsAre("a"));  // too early
  EXPECT_THAT(keys(geo, {"geo", "a", "x", "store"}), ElementsAre("a"));
}

TEST(KeysOf, WhatIsUnknownTheCommandFinds) {
  static constexpr KeySpec kSpecs[] = {{.range = kOneKey, .flags = kKeyRO}, {.search = KeySearch::kUnknown}};
  const CommandSpec sort = {.name = "sort",
                            .keys = kOneKey,
                            .key_specs = kSpecs,
                            .find_keys = [](std::span<const std::string_view> args, std::vector<KeyReference>& found) {
                              found.push_back({args.size() - 1, kKeyOW});
                            }};
  EXPECT_THAT(keys(sort, {"sort", "a", "by", "b"}), ElementsAre("a", "b!"));
}

}  // namespace
}  // namespace cowslip::commands
