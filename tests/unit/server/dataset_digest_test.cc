// DEBUG DIGEST: the expected values were printed by redis-server 7.0.15 for the same keys.
#include "server/admin/dataset_digest.h"

#include <gtest/gtest.h>

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
