// DEBUG DIGEST: the expected values were printed by redis-server 7.0.15 for the same keys.
#include "server/admin/dataset_digest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "store/hash.h"
#include "store/list.h"
#include "store/set.h"
#include "store/sorted_set.h"

namespace cowslip::server {
namespace {

class DatasetDigestTest : public testing::Test {
 protected:
  DatasetDigestTest() { keyspace_.set_now_ms(1'700'000'000'000); }
  std::string value(std::string_view key) {
    return digest_text(value_digest(*keyspace_.database(0).find(key, store::Lookup::kPeek)));
  }

  store::Keyspace keyspace_{16, 1};
};

TEST_F(DatasetDigestTest, Values) {
  keyspace_.database(0).set_string("a", "b");
  keyspace_.database(0).set_string("n", "123");
  keyspace_.database(0).set_string("k", std::string(200, 'x'));
  EXPECT_EQ(value("a"), "b78559cd22bce6e6df712eb99ce7f3b08e8f8f1f");
  EXPECT_EQ(value("n"), "89f7f51b707418f666d5b45e053bd5bbbf82ac2b");
  EXPECT_EQ(value("k"), "992db580938b348a99a8e3e64873c29e8e10309b");
}

TEST_F(DatasetDigestTest, Aggregates) {
  store::Database& db = keyspace_.database(0);
  for (const char* element : {"a", "1", "b"}) store::ListEditor(db, "l").push(store::ListEnd::kTail, element);
  for (const char* member : {"a", "1"}) store::SetEditor(db, "s").add(member);
  for (const char* member : {"3", "-7"}) store::SetEditor(db, "i").add(member);
  for (const auto& [field, value] : {std::pair("f", "v"), std::pair("g", "12")})
    store::HashEditor(db, "h").set(field, value);
  store::SortedSetEditor(db, "z").set("a", 1.5);
  store::SortedSetEditor(db, "z").set("b", -HUGE_VAL);
  store::SortedSetEditor(db, "z").set("c", 3);
  EXPECT_EQ(value("l"), "d5f44352f6226abea9252dad248ef5de0d964396");
  EXPECT_EQ(value("s"), "012434e5fd10923eb5614823e20e4674a940a6f5");
  EXPECT_EQ(value("i"), "93392af293c3c6118d20ef86c5bfb4bad6d65fdc");
  EXPECT_EQ(value("h"), "8530acc75d5274eb0fc0da86f28ed5533274a6d4");
  EXPECT_EQ(value("z"), "da0323ff4d88ffcab003f39cbd63a803c404701b");
}

TEST_F(DatasetDigestTest, Dataset) {
  EXPECT_EQ(digest_text(dataset_digest(keyspace_)), "0000000000000000000000000000000000000000");
  keyspace_.database(0).set_string("a", "b");
  keyspace_.database(0).set_string("n", "123");
  keyspace_.database(0).set_string("k", std::string(200, 'x'));
  EXPECT_EQ(digest_text(dataset_digest(keyspace_)), "a97f8cacbdafcfe72817e85a2d115a9fd4caad17");
  keyspace_.database(3).set_string("e", "v", store::ExpiryChange::set(1'900'000'000'000));
  EXPECT_EQ(digest_text(dataset_digest(keyspace_)), "daac66979ec671f6ffde5ce9c2fd977119211a92");
}

}  // namespace
}  // namespace cowslip::server
