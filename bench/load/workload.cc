#include "bench/load/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "bench/load/request.h"

namespace cowslip::bench {
namespace {

constexpr size_t kPoolBytes = 1 << 20;
constexpr size_t kAppendedBytes = 16;
constexpr size_t kNumberBytes = 8;
constexpr double kZipfExponent = 0.99;
// Too large for the numbers that a server may keep ready-made, so that every key has one of its own.
constexpr uint64_t kFirstInteger = 1'000'000'000;

constexpr std::pair<std::string_view, Kind> kNames[] = {
    {"fill", Kind::kFill},      {"fill-integers", Kind::kFillIntegers},
    {"set", Kind::kSet},        {"get", Kind::kGet},
    {"del-set", Kind::kDelSet}, {"expire", Kind::kExpire},
    {"incr", Kind::kIncr},      {"append", Kind::kAppend},
    {"zipf", Kind::kZipf},      {"ping", Kind::kPing},
};

std::string random_pool(uint64_t seed) {
  Random random(seed);
  std::string pool(kPoolBytes, '\0');
  std::ranges::generate(pool, [&] { return static_cast<char>(random.next() >> 56); });
  return pool;
}

}  // namespace

std::optional<Kind> kind_from(std::string_view name) {
  for (const auto& [known, kind] : kNames) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

// The distribution function of the law is inverted approximately, with the first two ranks exact: Gray and others,
// "Quickly generating billion-record synthetic databases", SIGMOD 1994.
Zipf::Zipf(uint64_t count) : count_(count) {
  for (uint64_t rank = 1; rank <= count; rank++) harmonic_ += std::pow(double(rank), -kZipfExponent);
  const double first_two = 1 + std::pow(0.5, kZipfExponent);
  spread_ = 1 / (1 - kZipfExponent);
  scale_ = (1 - std::pow(2 / double(count), 1 - kZipfExponent)) / (1 - first_two / harmonic_);
}

uint64_t Zipf::draw(Random& random) const {
  const double unit = random.unit();
  uint64_t rank = 0;
  if (unit * harmonic_ >= 1 + std::pow(0.5, kZipfExponent)) {
    rank = uint64_t(double(count_) * std::pow(scale_ * unit - scale_ + 1, spread_));
  } else if (unit * harmonic_ >= 1) {
    rank = 1;
  }
  // A rank's place is arbitrary but fixed. That two may share one does not matter to a load.
  return Random(rank).below(count_);
}

Workload::Workload(const WorkloadOptions& options)
    : options_(options),
      zipf_(options.kind == Kind::kZipf ? std::optional<Zipf>(options.keys) : std::nullopt),
      random_(options.seed),
      pool_(random_pool(options.seed + 1)) {
  if (options.kind == Kind::kAggregate) {
    aggregates_.emplace(options.aggregate, options.keys, options.first_new, options.value_bytes, pool_);
  }
}

int Workload::append_request(std::string& out) {
  switch (options_.kind) {
    case Kind::kFill:
    case Kind::kFillIntegers:
      append_fill(out);
      return 1;
    case Kind::kSet:
      append_set(out, random_key(), random_bytes(options_.value_bytes));
      return 1;
    case Kind::kGet:
      append_command(out, "GET", random_key());
      return 1;
    case Kind::kDelSet:
      append_del_set(out);
      return 2;
    case Kind::kExpire: {
      const auto key = random_key();
      append_command(out, "EXPIRE", key, std::to_string(100'000 + random_.below(1'000'000)));
      written_bytes_ += key.size() + kNumberBytes;
      return 1;
    }
    case Kind::kIncr: {
      const auto key = random_key();
      append_command(out, "INCR", key);
      written_bytes_ += key.size() + kNumberBytes;
      return 1;
    }
    case Kind::kAppend: {
      const auto key = random_key();
      append_command(out, "APPEND", key, random_bytes(kAppendedBytes));
      written_bytes_ += key.size() + kAppendedBytes;
      return 1;
    }
    case Kind::kZipf:
      append_zipf(out);
      return 1;
    case Kind::kPing:
      append_command(out, "PING");
      return 1;
    case Kind::kAggregate:
      return aggregates_->append_request(out, random_);
  }
  return 0;
}

std::string_view Workload::key(uint64_t number) {
  const auto end = fmt::format_to_n(key_, sizeof key_, "key:{:012}", number).out;
  return {key_, end};
}

std::string_view Workload::random_bytes(size_t length) {
  return std::string_view(pool_).substr(random_.below(pool_.size() - length), length);
}

void Workload::append_set(std::string& out, std::string_view key, std::string_view value) {
  append_command(out, "SET", key, value);
  written_bytes_ += key.size() + value.size();
}

void Workload::append_fill(std::string& out) {
  const uint64_t number = next_++ % options_.keys;
  if (options_.kind == Kind::kFill) {
    append_set(out, key(number), random_bytes(options_.value_bytes));
  } else {
    append_set(out, key(number), std::to_string(kFirstInteger + number));
  }
}

void Workload::append_del_set(std::string& out) {
  const auto old = random_key();
  append_command(out, "DEL", old);
  written_bytes_ += old.size();
  const uint64_t first = options_.first_new ? options_.first_new : options_.keys;
  append_set(out, key(first + next_++), random_bytes(options_.value_bytes));
}

void Workload::append_zipf(std::string& out) {
  const auto popular = key(zipf_->draw(random_));
  if (random_.below(2) == 0) {
    append_command(out, "GET", popular);
  } else {
    append_set(out, popular, random_bytes(options_.value_bytes));
  }
}

}  // namespace cowslip::bench
