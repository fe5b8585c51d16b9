#include "store/hyperloglog.h"
#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class HyperLogLogCommandsTest : public CommandTest {
 protected:
  static constexpr std::string_view kNotOne = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
  static constexpr std::string_view kCorrupted = "-INVALIDOBJ Corrupted HLL object detected";

  // Adds numbered elements, a hundred with each command.
  void add(const std::string& key, int from, int to) {
    for (int i = from; i < to;) {
      std::string line = "pfadd " + key;
      for (int n = 0; n < 100 && i < to; n++) line += " element:" + std::to_string(i++);
      run(line);
    }
  }
  int64_t count(const std::string& keys) { return std::stoll(run("pfcount " + keys).substr(1)); }
  std::string bytes(const std::string& key) {
    const std::string reply = run("get " + key);
    return reply.substr(1, reply.size() - 2);
  }
  void set_runs(std::string_view key, std::string_view runs) {
    run({"set", key, store::empty_hyperloglog().substr(0, store::kHllHeaderBytes).append(runs)});
  }
};

TEST_F(HyperLogLogCommandsTest, PfaddTellsWhetherAnythingChanged) {
  EXPECT_EQ(run("pfadd k"), ":1") << "the key begins to be";
  EXPECT_EQ(run("pfadd k"), ":0");
  EXPECT_EQ(run("pfadd k a b c"), ":1");
  EXPECT_EQ(run("pfadd k a b"), ":0");
  EXPECT_EQ(run("pfcount k"), ":3");
  EXPECT_EQ(run("type k"), "+string");
  EXPECT_EQ(run("object encoding k"), "\"raw\"");
  EXPECT_EQ(run("pfcount none"), ":0");
  EXPECT_EQ(dirty_of("pfadd k d e a"), 2u);
  EXPECT_EQ(dirty_of("pfadd k a"), 0u);
}

TEST_F(HyperLogLogCommandsTest, PfcountKeepsItsEstimate) {
  run("pfadd k a b c");
  EXPECT_FALSE(store::hll_kept_cardinality(bytes("k")));
  EXPECT_EQ(dirty_of("pfcount k"), 1u);
  EXPECT_EQ(store::hll_kept_cardinality(bytes("k")), 3u);
  EXPECT_EQ(dirty_of("pfcount k"), 0u);
  run("pfadd k a");
  EXPECT_EQ(store::hll_kept_cardinality(bytes("k")), 3u) << "nothing has changed";
  run("pfadd k d");
  EXPECT_FALSE(store::hll_kept_cardinality(bytes("k")));
  EXPECT_EQ(run("pfcount k"), ":4");
}

TEST_F(HyperLogLogCommandsTest, ExpiryStays) {
  run("pfadd k a");
  run("expire k 100");
  run("pfadd k b");
  run("pfcount k");
  run("pfmerge k other");
  EXPECT_EQ(run("ttl k"), ":100");
}

TEST_F(HyperLogLogCommandsTest, SparseThenDense) {
  add("k", 0, 200);
  EXPECT_FALSE(store::hll_is_dense(bytes("k")));
  add("k", 200, 3000);
  EXPECT_TRUE(store::hll_is_dense(bytes("k")));
  EXPECT_NEAR(static_cast<double>(count("k")), 3000, 150);
  add("k", 3000, 20'000);
  EXPECT_NEAR(static_cast<double>(count("k")), 20'000, 1000);
  EXPECT_EQ(run("pfadd k element:17"), ":0");
  EXPECT_TRUE(store::hll_kept_cardinality(bytes("k")));

  keyspace_.set_encoding_limits({.hll_sparse_max_bytes = 100});
  add("small", 0, 100);
  EXPECT_TRUE(store::hll_is_dense(bytes("small")));
}

// Whichever way the elements came, the registers are those of all of them.
TEST_F(HyperLogLogCommandsTest, UnionsAreExact) {
  add("a", 0, 3000);
  add("b", 2000, 10'000);
  add("c", 5, 60);
  add("all", 0, 10'000);
  EXPECT_EQ(count("a b c"), count("all"));
  EXPECT_EQ(count("a b none a"), count("all"));
  EXPECT_EQ(run("pfmerge target a b c none"), "+OK");
  EXPECT_EQ(count("target"), count("all"));
  EXPECT_EQ(run("pfmerge c a b"), "+OK");
  EXPECT_EQ(count("c"), count("all")) << "the target is one of the sources";
}

TEST_F(HyperLogLogCommandsTest, MergeStaysSparseWhileItCan) {
  add("a", 0, 20);
  add("b", 10, 40);
  EXPECT_EQ(run("pfmerge target a b"), "+OK");
  EXPECT_FALSE(store::hll_is_dense(bytes("target")));
  EXPECT_EQ(count("target"), 40);
  EXPECT_EQ(run("pfmerge fresh"), "+OK");
  EXPECT_EQ(count("fresh"), 0);
  add("big", 0, 5000);
  EXPECT_EQ(run("pfmerge a big"), "+OK");
  EXPECT_TRUE(store::hll_is_dense(bytes("a")));
  EXPECT_EQ(count("a"), count("big"));
}

TEST_F(HyperLogLogCommandsTest, OtherStringsAreRefused) {
  for (const std::string_view value : {"", "12", "HYLL", "a string that is long enough, but none"}) {
    run({"set", "k", value});
    EXPECT_EQ(run("pfadd k a"), kNotOne) << value;
    EXPECT_EQ(run("pfadd k"), kNotOne) << value;
    EXPECT_EQ(run("pfcount k"), kNotOne) << value;
    EXPECT_EQ(run("pfcount none k"), kNotOne) << value;
    EXPECT_EQ(run("pfmerge target k"), kNotOne) << value;
    EXPECT_EQ(run("pfmerge k"), kNotOne) << value;
  }
  EXPECT_EQ(run("exists target"), ":0");
}

TEST_F(HyperLogLogCommandsTest, CorruptedOnesAreRefused) {
  run("pfadd good a");
  for (const std::string_view runs : {"", "\x80", "\x7f\xfe", "\x7f\xff\x80"}) {
    run("del k");
    set_runs("k", runs);
    run("append k x");  // one run more, and the cardinality is not valid any more
    run({"setrange", "k", "15", "\x80"});
    EXPECT_EQ(run("pfcount k"), kCorrupted);
    EXPECT_EQ(run("pfcount good k"), kCorrupted);
    EXPECT_EQ(run("pfmerge good k"), kCorrupted);
  }
  set_runs("k", "\x05");
  EXPECT_EQ(run("pfadd k a"), kCorrupted) << "its register is not there";
  EXPECT_EQ(run("pfcount good"), ":1");
}

TEST_F(HyperLogLogCommandsTest, TheSelfTestPassesAndLeavesNothing) {
  EXPECT_EQ(run("pfselftest"), "+OK");
  EXPECT_EQ(dirty_of("pfselftest"), 0u);
  EXPECT_EQ(run("dbsize"), ":0");
}

}  // namespace
}  // namespace cowslip::commands
