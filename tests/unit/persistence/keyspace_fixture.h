// Keyspaces for tests: filled at random, and compared.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/random.h"
#include "store/keyspace.h"

namespace cowslip::persistence {

inline constexpr int64_t kTestNowMs = 1'700'000'000'000;

inline std::unique_ptr<store::Keyspace> make_keyspace(int databases = 16) {
  auto keyspace = std::make_unique<store::Keyspace>(databases, 1);
  keyspace->set_now_ms(kTestNowMs);
  return keyspace;
}

inline void set(store::Keyspace& keyspace, int database, std::string_view key, std::string_view value,
                int64_t expire_at_ms = store::kNoExpiry) {
  const auto expiry =
      expire_at_ms == store::kNoExpiry ? store::ExpiryChange::drop() : store::ExpiryChange::set(expire_at_ms);
  keyspace.database(database).set_string(key, value, expiry);
}

// Bytes that LZF can shorten, or cannot.
inline std::string random_text(Random& random, size_t length, bool compressible) {
  std::string text(length, ' ');
  for (char& c : text) c = static_cast<char>(compressible ? 'a' + random.below(3) : random.below(256));
  return text;
}

// A value of every kind the format knows: integers of each width, short and long text, compressible or not.
inline std::string random_value(Random& random) {
  switch (random.below(8)) {
    case 0:
      return std::to_string(static_cast<int64_t>(random.below(256)) - 128);
    case 1:
      return std::to_string(static_cast<int64_t>(random.below(65536)) - 32768);
    case 2:
      return std::to_string(static_cast<int64_t>(random.next()) >> 32);
    case 3:
      return std::to_string(static_cast<int64_t>(random.next()));
    case 4:
      return random_text(random, random.below(45), false);
    case 5:
      return random_text(random, random.below(2000), false);
    case 6:
      return random_text(random, random.below(5000), true);
    default:
      return random.below(50) == 0 ? random_text(random, random.below(3'000'000), true) : "";
  }
}

inline void fill_at_random(store::Keyspace& keyspace, Random& random, int keys) {
  for (int i = 0; i < keys; i++) {
    const bool expires = random.below(3) == 0;
    const int64_t at_ms = kTestNowMs + 1'000'000 + static_cast<int64_t>(random.below(1'000'000'000'000));
    const std::string key = random.below(4) == 0
                                ? std::to_string(i)
                                : "key:" + std::to_string(i) + random_text(random, random.below(30), false);
    set(keyspace, static_cast<int>(random.below(keyspace.count())), key, random_value(random),
        expires ? at_ms : store::kNoExpiry);
  }
}

struct KeyFacts {
  std::string value;
  int64_t expire_at_ms;
  store::Encoding encoding;
  friend bool operator==(const KeyFacts&, const KeyFacts&) = default;
};
using Facts = std::map<std::pair<int, std::string>, KeyFacts>;

inline Facts facts_of(const store::Keyspace& keyspace) {
  Facts facts;
  for (int number = 0; number < keyspace.count(); number++) {
    keyspace.database(number).for_each([&](const store::Entry& entry) {
      store::StringView::Scratch scratch;
      facts[{number, std::string(entry.key())}] = {std::string(entry.string().text(scratch)), entry.expire_at_ms(),
                                                   entry.encoding()};
    });
  }
  return facts;
}

// Without the bytes, which may be megabytes.
inline void expect_equal(const Facts& seen, const Facts& expected) {
  EXPECT_EQ(seen.size(), expected.size());
  for (const auto& [place, facts] : expected) {
    const auto found = seen.find(place);
    ASSERT_NE(found, seen.end()) << "missing key in database " << place.first;
    EXPECT_TRUE(found->second.value == facts.value);
    EXPECT_EQ(found->second.expire_at_ms, facts.expire_at_ms);
  }
}

}  // namespace cowslip::persistence
