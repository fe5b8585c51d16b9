// Intsets: golden bytes, widths at their borders, random edits against a std::set, and bytes from elsewhere.
#include "store/intset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

std::string empty_intset() {
  std::string bytes(Intset::kHeader, '\0');
  make_intset(bytes.data());
  return bytes;
}

void insert(std::string& bytes, int64_t value) {
  const size_t index = Intset(bytes).lower_bound(value);
  bytes.resize(intset_length_with(bytes, value));
  insert_into_intset(bytes.data(), index, value);
}

void erase(std::string& bytes, size_t index) {
  const Intset set(bytes);
  const size_t length = intset_length(set.size() - 1, set.width());
  erase_from_intset(bytes.data(), index);
  bytes.resize(length);
}

std::string intset_of(const std::vector<int64_t>& values) {
  std::string bytes = empty_intset();
  for (const int64_t value : values) insert(bytes, value);
  return bytes;
}

std::vector<int64_t> values_of(const Intset& set) {
  std::vector<int64_t> values;
  for (size_t i = 0; i < set.size(); i++) values.push_back(set.at(i));
  return values;
}

TEST(Intset, GoldenBytes) {
  EXPECT_EQ(empty_intset(), std::string("\2\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(intset_of({5, -1}), std::string("\2\0\0\0\2\0\0\0\xff\xff\5\0", 12));
  EXPECT_EQ(intset_of({32768, 1}), std::string("\4\0\0\0\2\0\0\0\1\0\0\0\0\x80\0\0", 16));
}

TEST(Intset, WidthsAtTheirBorders) {
  EXPECT_EQ(intset_width(INT16_MAX), 2u);
  EXPECT_EQ(intset_width(INT16_MIN), 2u);
  EXPECT_EQ(intset_width(INT16_MAX + 1), 4u);
  EXPECT_EQ(intset_width(INT16_MIN - 1), 4u);
  EXPECT_EQ(intset_width(INT32_MAX), 4u);
  EXPECT_EQ(intset_width(INT32_MIN), 4u);
  EXPECT_EQ(intset_width(int64_t{INT32_MAX} + 1), 8u);
  EXPECT_EQ(intset_width(int64_t{INT32_MIN} - 1), 8u);
  EXPECT_EQ(intset_width(INT64_MIN), 8u);
}

// From each width to each wider one, the new integer at either end.
TEST(Intset, Widening) {
  const std::vector<int64_t> narrow = {INT16_MIN, -1, 0, 1, INT16_MAX};
  for (const int64_t wide : {int64_t{INT16_MAX} + 1, int64_t{INT16_MIN} - 1, int64_t{INT32_MAX} + 1,
                             int64_t{INT32_MIN} - 1, INT64_MAX, INT64_MIN}) {
    std::vector<int64_t> all = narrow;
    all.push_back(wide);
    std::string bytes = intset_of(all);
    std::sort(all.begin(), all.end());
    ASSERT_TRUE(valid_intset(bytes));
    EXPECT_EQ(values_of(Intset(bytes)), all);
    EXPECT_EQ(Intset(bytes).width(), intset_width(wide));
    erase(bytes, Intset(bytes).lower_bound(wide));
    EXPECT_EQ(values_of(Intset(bytes)), narrow);
    EXPECT_EQ(Intset(bytes).width(), intset_width(wide)) << "the others stay as wide";
  }
}

TEST(Intset, RandomEditsAgainstASet) {
  Random random(test_seed());
  for (int round = 0; round < 100; round++) {
    std::set<int64_t> model;
    std::string bytes = empty_intset();
    const uint64_t narrowness = random.below(62);
    for (int step = 0; step < 300; step++) {
      const int64_t value = static_cast<int64_t>(random.next()) >> (random.below(20) == 0 ? 0 : narrowness);
      const size_t bound = static_cast<size_t>(std::distance(model.begin(), model.lower_bound(value)));
      ASSERT_EQ(Intset(bytes).lower_bound(value), bound);
      ASSERT_EQ(Intset(bytes).contains(value), model.contains(value));
      if (model.insert(value).second) insert(bytes, value);
      if (random.below(3) == 0) {
        const size_t index = random.below(model.size());
        erase(bytes, index);
        model.erase(std::next(model.begin(), static_cast<ptrdiff_t>(index)));
      }
      ASSERT_TRUE(valid_intset(bytes));
      ASSERT_EQ(Intset(bytes).size(), model.size());
    }
    EXPECT_EQ(values_of(Intset(bytes)), std::vector<int64_t>(model.begin(), model.end()));
  }
}

// ---- bytes from elsewhere ----

bool try_bytes(const std::string& bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());  // for a sanitizer: a block of exactly this size
  const std::string_view view(exact.data(), exact.size());
  if (!valid_intset(view)) return false;
  const Intset set(view);
  const std::vector<int64_t> values = values_of(set);
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  EXPECT_EQ(std::adjacent_find(values.begin(), values.end()), values.end());
  for (size_t i = 0; i < values.size(); i++) EXPECT_EQ(set.lower_bound(values[i]), i);
  return true;
}

TEST(IntsetValidation, EveryTruncationIsRefused) {
  for (const auto& values : {std::vector<int64_t>{1, 2, 3}, {70000, 70001}, {1, INT64_MAX}}) {
    const std::string bytes = intset_of(values);
    ASSERT_TRUE(try_bytes(bytes));
    for (size_t length = 0; length < bytes.size(); length++) EXPECT_FALSE(try_bytes(bytes.substr(0, length)));
    EXPECT_FALSE(try_bytes(bytes + "x"));
  }
}

TEST(IntsetValidation, EverySingleByteMutationIsRefusedOrSafe) {
  for (const auto& values : {std::vector<int64_t>{-3, 0, 3, 1000}, {-70000, 70000, 70001}, {INT64_MIN, 1, INT64_MAX}}) {
    const std::string bytes = intset_of(values);
    int valid = 0;
    for (size_t at = 0; at < bytes.size(); at++) {
      for (int value = 0; value < 256; value++) {
        std::string mutated = bytes;
        mutated[at] = static_cast<char>(value);
        valid += try_bytes(mutated) ? 1 : 0;
      }
    }
    EXPECT_GT(valid, 0);
  }
}

TEST(IntsetValidation, OneFlawOneTest) {
  const auto words = [](uint32_t width, uint32_t count, const std::vector<int16_t>& integers) {
    std::string bytes(8 + 2 * integers.size(), '\0');
    std::memcpy(bytes.data(), &width, 4);
    std::memcpy(bytes.data() + 4, &count, 4);
    if (!integers.empty()) std::memcpy(bytes.data() + 8, integers.data(), 2 * integers.size());
    return bytes;
  };
  EXPECT_TRUE(valid_intset(words(2, 2, {1, 2})));
  EXPECT_TRUE(valid_intset(words(2, 0, {})));
  EXPECT_FALSE(valid_intset(words(2, 2, {2, 1}))) << "not ascending";
  EXPECT_FALSE(valid_intset(words(2, 2, {1, 1}))) << "twice the same";
  EXPECT_FALSE(valid_intset(words(3, 2, {1, 2, 3}))) << "no such width";
  EXPECT_FALSE(valid_intset(words(0, 2, {}))) << "no width";
  EXPECT_FALSE(valid_intset(words(2, 3, {1, 2}))) << "more than there are";
  EXPECT_FALSE(valid_intset(words(2, 1, {1, 2}))) << "bytes behind the last";
  EXPECT_FALSE(valid_intset(words(8, 0x2000'0000, {}))) << "a length that is 0 in 32 bits";
}

}  // namespace
}  // namespace cowslip::store
