// HyperLogLogs: how many different elements there have been, about. The value is a string that GET and SET see.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "base/random.h"
#include "commands/arguments.h"
#include "commands/families.h"
#include "store/hyperloglog.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::HllChange;
using store::HllElement;
using store::HllPlace;
using store::HllRegisters;
using store::Lookup;

constexpr std::string_view kNotOne = "WRONGTYPE Key is not a valid HyperLogLog string value.";
constexpr std::string_view kCorrupted = "INVALIDOBJ Corrupted HLL object detected";

uint64_t sparse_limit(CommandContext& c) {
  return static_cast<uint64_t>(c.keyspace.encoding_limits().hll_sparse_max_bytes);
}

// Whether the entry holds one; otherwise there is an error reply.
bool check_hyperloglog(CommandContext& c, const Entry& entry) {
  if (!is_string(entry)) {
    c.reply.error(kWrongType);
    return false;
  }
  if (!entry.string().is_integer() && store::is_hyperloglog(entry.string().bytes())) return true;
  c.reply.error(kNotOne);
  return false;
}

void mark_stale_in_place(CommandContext& c, std::string_view key, std::string_view hll) {
  const auto last = static_cast<uint8_t>(hll[store::kHllStaleByte]);
  if ((last & store::kHllStale) != 0) return;
  c.db().writable_range(key, store::kHllStaleByte, 1)[0] = static_cast<char>(last | store::kHllStale);
}

// What PFADD and PFCOUNT leave behind even where nothing changes, as OBJECT ENCODING tells.
bool is_raw(const Entry& entry) {
  return entry.encoding() == store::Encoding::kRaw;
}

void replace_bytes(CommandContext& c, std::string_view key, std::string_view hll) {
  std::ranges::copy(hll, c.db().writable_string(key, hll.size()).begin());
}

// ---- PFADD ----

// Registers are written where they are: most elements change none, the others two bytes.
size_t op_add_dense(CommandContext& c, std::string_view key, const Entry* entry) {
  size_t raised = 0;
  for (const std::string_view text : c.args.subspan(2)) {
    const HllElement element = store::hll_element(text);
    if (store::hll_dense_register(entry->string().bytes(), element.index) >= element.rank) continue;
    const HllPlace place = store::hll_dense_place(element.index);
    store::hll_set_dense_register(c.db().writable_range(key, place.first, place.count), element.index, element.rank);
    entry = c.db().find(key, Lookup::kPeek);
    raised++;
  }
  if (raised > 0) mark_stale_in_place(c, key, entry->string().bytes());
  return raised;
}

// Nothing when it turned out to be corrupted; what had changed before is kept.
std::optional<size_t> op_add_sparse(CommandContext& c, std::string_view key, const Entry* entry) {
  std::string hll = entry != nullptr ? std::string(entry->string().bytes()) : store::empty_hyperloglog();
  size_t changes = entry == nullptr ? 1 : 0;
  HllChange change = HllChange::kNone;
  for (const std::string_view text : c.args.subspan(2)) {
    change = store::hll_raise(hll, store::hll_element(text), sparse_limit(c));
    if (change == HllChange::kCorrupted) break;
    changes += change == HllChange::kRaised;
  }
  if (changes > 0) {
    store::hll_mark_stale(hll);
    replace_bytes(c, key, hll);
  } else if (!is_raw(*entry)) {
    c.db().make_raw(key);
  }
  return change != HllChange::kCorrupted ? std::optional(changes) : std::nullopt;
}

void cmd_pfadd(CommandContext& c) {
  const std::string_view key = c.args[1];
  const Entry* entry = c.db().find(key, Lookup::kWrite);
  if (entry != nullptr && !check_hyperloglog(c, *entry)) return;
  const bool dense = entry != nullptr && store::hll_is_dense(entry->string().bytes());
  const auto changes = dense ? std::optional(op_add_dense(c, key, entry)) : op_add_sparse(c, key, entry);
  if (!changes) return c.reply.error(kCorrupted);
  if (*changes > 0) {
    c.keyspace.add_dirty(*changes);
    c.notify(EventClass::kString, "pfadd", key);
  }
  c.reply.integer(*changes > 0);
}

// ---- PFCOUNT ----

// An estimate that had to be made is kept in the value, so that the next one costs nothing.
void op_count_one(CommandContext& c, std::string_view key, const Entry* entry) {
  if (!is_raw(*entry)) entry = c.db().make_raw(key);
  const std::string_view hll = entry->string().bytes();
  if (const auto kept = store::hll_kept_cardinality(hll)) return c.reply.integer(static_cast<int64_t>(*kept));
  const auto cardinality = store::hll_estimate(hll);
  if (!cardinality) return c.reply.error(kCorrupted);
  const auto bytes = store::hll_cardinality_bytes(*cardinality);
  std::ranges::copy(bytes, c.db().writable_range(key, store::kHllCardinalityAt, bytes.size()).begin());
  c.keyspace.add_dirty(1);
  c.reply.integer(static_cast<int64_t>(*cardinality));
}

// Merges the keys from argument 1 on into `registers`. False after an error reply.
bool merge_keys(CommandContext& c, HllRegisters& registers, bool& any_dense) {
  for (const std::string_view key : c.args.subspan(1)) {
    const Entry* entry = c.db().find(key, c.read_lookup());
    if (entry == nullptr) continue;
    if (!check_hyperloglog(c, *entry)) return false;
    const std::string_view hll = entry->string().bytes();
    any_dense |= store::hll_is_dense(hll);
    if (store::hll_merge(registers, hll)) continue;
    c.reply.error(kCorrupted);
    return false;
  }
  return true;
}

void cmd_pfcount(CommandContext& c) {
  if (c.args.size() > 2) {
    HllRegisters registers = {};
    bool any_dense = false;
    if (merge_keys(c, registers, any_dense)) c.reply.integer(static_cast<int64_t>(store::hll_estimate(registers)));
    return;
  }
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry == nullptr) return c.reply.integer(0);
  if (check_hyperloglog(c, *entry)) op_count_one(c, c.args[1], entry);
}

// ---- PFMERGE ----

// A sparse target stays sparse when all sources are and the result is small enough. REQUIRES: what the target holds is
// in `registers` already.
void op_merge_into(CommandContext& c, const HllRegisters& registers, bool dense) {
  const std::string_view key = c.args[1];
  const Entry* entry = c.db().find(key, Lookup::kWrite);
  std::string hll = entry != nullptr ? std::string(entry->string().bytes()) : store::empty_hyperloglog();
  if (dense) store::hll_make_dense(hll);
  for (size_t i = 0; i < registers.size(); i++) {
    if (registers[i] > 0) store::hll_raise(hll, {i, registers[i]}, sparse_limit(c));
  }
  store::hll_mark_stale(hll);
  replace_bytes(c, key, hll);
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kString, "pfadd", key);
}

void cmd_pfmerge(CommandContext& c) {
  HllRegisters registers = {};
  bool any_dense = false;
  if (!merge_keys(c, registers, any_dense)) return;
  op_merge_into(c, registers, any_dense);
  c.reply.ok();
}

// ---- PFSELFTEST ----

constexpr int kRegisterRounds = 20;
constexpr uint64_t kSelfTestElements = 50'000;
constexpr size_t kSelfTestSparseBytes = 3000;

// Each register keeps what it is set to, whatever becomes of its neighbours. In words what went wrong; empty: nothing.
std::string check_registers(Random& random) {
  std::string hll = store::empty_hyperloglog();
  store::hll_make_dense(hll);
  HllRegisters expected = {};
  for (int round = 0; round < kRegisterRounds; round++) {
    for (size_t i = 0; i < expected.size(); i++) {
      expected[i] = static_cast<uint8_t>(random.below(1u << store::kHllRegisterBits));
      const HllPlace place = store::hll_dense_place(i);
      store::hll_set_dense_register(std::span(hll).subspan(place.first, place.count), i, expected[i]);
    }
    for (size_t i = 0; i < expected.size(); i++) {
      const uint8_t found = store::hll_dense_register(hll, i);
      if (found != expected[i]) return fmt::format("Register {} should be {} but is {}", i, expected[i], found);
    }
  }
  return {};
}

// Of so many different elements the estimate is off by no more than six standard errors (1.04 / sqrt(registers)).
bool near_enough(uint64_t estimate, uint64_t elements) {
  const double standard_error = 1.04 / std::sqrt(static_cast<double>(store::kHllRegisters));
  const double allowed = std::ceil(6 * standard_error * static_cast<double>(elements)) + (elements <= 10 ? 1 : 0);
  return std::abs(static_cast<double>(estimate) - static_cast<double>(elements)) <= allowed;
}

// Both forms take the same elements: they agree with each other, and are near to how many there were.
std::string check_estimates(Random& random) {
  std::string sparse = store::empty_hyperloglog();
  std::string dense = sparse;
  store::hll_make_dense(dense);
  const uint64_t first = random.next();
  uint64_t checkpoint = 1;
  for (uint64_t elements = 1; elements <= kSelfTestElements; elements++) {
    const uint64_t number = first + elements;
    const std::string_view bytes(reinterpret_cast<const char*>(&number), sizeof number);
    const HllElement element = store::hll_element(bytes);
    store::hll_raise(sparse, element, kSelfTestSparseBytes);
    store::hll_raise(dense, element, kSelfTestSparseBytes);
    if (elements != checkpoint && elements != kSelfTestElements) continue;
    checkpoint *= 10;
    const auto estimate = store::hll_estimate(dense);
    if (store::hll_estimate(sparse) != estimate) return fmt::format("dense/sparse disagree. card:{}", elements);
    if (!estimate || !near_enough(*estimate, elements)) {
      return fmt::format("Too big error. card:{} estimate:{}", elements, estimate.value_or(0));
    }
  }
  return {};
}

void cmd_pfselftest(CommandContext& c) {
  for (const auto check : {check_registers, check_estimates}) {
    const std::string failure = check(c.host.random());
    if (!failure.empty()) return c.reply.error("TESTFAILED " + failure);
  }
  c.reply.ok();
}

constexpr KeySpec kMergeKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyRW | kKeyAccess | kKeyInsert},
    {.range = {2, -1, 1}, .flags = kKeyRO | kKeyAccess},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "pfadd",
     .arity = -2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyInsert,
     .group = "hyperloglog",
     .since = "2.8.9",
     .complexity = "O(1) for each element",
     .summary = "Adds elements to a HyperLogLog, which is created if need be.",
     .syntax = "key [element ...]",
     .handler = cmd_pfadd,
     .categories = "@hyperloglog"},
    {.name = "pfcount",
     .arity = -2,
     .flags = kReadonly,
     .keys = kAllKeys,
     .key_flags = kKeyRW | kKeyAccess,  // the estimate is kept in the value
     .group = "hyperloglog",
     .since = "2.8.9",
     .complexity = "O(1) for one key that has not changed since the last time, otherwise O(N) for N keys",
     .summary = "Estimates how many different elements have been added to HyperLogLogs.",
     .syntax = "key ...",
     .handler = cmd_pfcount,
     .categories = "@hyperloglog"},
    {.name = "pfmerge",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .keys = kAllKeys,
     .group = "hyperloglog",
     .since = "2.8.9",
     .complexity = "O(N) for N keys",
     .summary = "Adds to a HyperLogLog all that has been added to others.",
     .syntax = "destkey:key [sourcekey:key ...]",
     .handler = cmd_pfmerge,
     .categories = "@hyperloglog",
     .key_specs = kMergeKeys},
    {.name = "pfselftest",
     .arity = 1,
     .flags = kAdmin | kSystemCommand,
     .group = "hyperloglog",
     .since = "2.8.9",
     .complexity = "N/A",
     .summary = "Checks that HyperLogLogs keep what they are given and estimate well.",
     .handler = cmd_pfselftest,
     .categories = "@hyperloglog"},
};

}  // namespace

std::span<const CommandSpec> hyperloglog_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
