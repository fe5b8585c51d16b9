#include "bench/load/aggregate_workload.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "bench/load/request.h"

namespace cowslip::bench {
namespace {

constexpr std::pair<std::string_view, AggregateType> kTypes[] = {
    {"list-", AggregateType::kList},
    {"hash-", AggregateType::kHash},
    {"set-", AggregateType::kSet},
    {"zset-", AggregateType::kSortedSet},
};
constexpr uint64_t kScores = 1'000'000'000;
constexpr size_t kNumberBytes = 8;

std::string member(uint64_t element) {
  return fmt::format("element:{:012}", element);
}

}  // namespace

std::optional<AggregateLoad> aggregate_load_from(std::string_view name) {
  constexpr std::string_view kFill = "fill-";
  AggregateLoad load;
  load.fill = name.starts_with(kFill);
  if (load.fill) name.remove_prefix(kFill.size());
  for (const auto& [prefix, type] : kTypes) {
    if (!name.starts_with(prefix)) continue;
    const std::string_view size = name.substr(prefix.size());
    if (size != "small" && size != "big") return std::nullopt;
    load.type = type;
    load.big = size == "big";
    return load;
  }
  return std::nullopt;
}

AggregateWorkload::AggregateWorkload(AggregateLoad load, uint64_t elements, uint64_t first_new, uint32_t value_bytes,
                                     std::string_view pool)
    : load_(load),
      elements_(elements),
      per_key_(load.big ? std::max<uint64_t>(1, elements / kBigKeys) : kSmallElements),
      value_bytes_(value_bytes),
      pool_(pool),
      next_(load.fill ? 0 : std::max(first_new, elements)) {}

int AggregateWorkload::append_request(std::string& out, Random& random) {
  if (!load_.fill) return append_change(out, random);
  append_fill(out, random);
  return 1;
}

std::string AggregateWorkload::key_of(uint64_t element) const {
  return fmt::format("key:{:012}", element / per_key_);
}

std::string_view AggregateWorkload::value(Random& random) const {
  return pool_.substr(random.below(pool_.size() - value_bytes_), value_bytes_);
}

// All elements of the request belong to one key.
void AggregateWorkload::append_fill(std::string& out, Random& random) {
  static constexpr std::string_view kNames[] = {"RPUSH", "HSET", "SADD", "ZADD"};
  const uint64_t first = next_ % elements_;
  const uint64_t key_end = (first / per_key_ + 1) * per_key_;
  const uint64_t end = std::min({first + kSmallElements, key_end, elements_});
  std::vector<std::string> words = {std::string(kNames[static_cast<size_t>(load_.type)]), key_of(first)};
  for (uint64_t i = first; i < end; i++) {
    if (load_.type == AggregateType::kSortedSet) words.push_back(std::to_string(random.below(kScores)));
    if (load_.type != AggregateType::kList) words.push_back(member(i));
    if (load_.type <= AggregateType::kHash) words.emplace_back(value(random));
  }
  next_ = end;
  append_words(out, words);
}

int AggregateWorkload::append_change(std::string& out, Random& random) {
  const uint64_t element = random.below(elements_);
  const std::string key = key_of(element);
  const std::string name = member(element);
  switch (load_.type) {
    case AggregateType::kList:
      append_command(out, "LSET", key, std::to_string(element % per_key_), value(random));
      written_bytes_ += value_bytes_;
      return 1;
    case AggregateType::kHash:
      append_command(out, "HSET", key, name, value(random));
      written_bytes_ += value_bytes_;
      return 1;
    case AggregateType::kSet:
      append_command(out, "SREM", key, name);
      append_command(out, "SADD", key, member(next_++));
      written_bytes_ += name.size() + name.size();
      return 2;
    case AggregateType::kSortedSet:
      append_command(out, "ZADD", key, std::to_string(random.below(kScores)), name);
      written_bytes_ += kNumberBytes;
      return 1;
  }
  return 0;
}

}  // namespace cowslip::bench
