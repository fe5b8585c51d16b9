#include "store/key_observer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "store/keyspace.h"

namespace cowslip::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kChanges[] = {"created", "written", "expiry", "deleted", "expired"};

// Writes down what it is told.
class Witness final : public KeyObserver {
 public:
  explicit Witness(Keyspace& keyspace) : keyspace_(keyspace) {}

  void key_changed(const KeyEvent& event) override {
    events_.push_back(fmt::format("{} {}:{}{}", kChanges[static_cast<size_t>(event.change)], event.database, event.key,
                                  event.entry != nullptr ? "" : " gone"));
    const Entry* there = keyspace_.database(event.database).peek(event.key);
    EXPECT_EQ(there, event.entry) << events_.back();
  }
  void before_flush(int database) override {
    events_.push_back(fmt::format("flush {} of {}", database, keyspace_.database(database).size()));
  }
  void after_flush() override { events_.push_back(fmt::format("flushed, {} left", keyspace_.total_keys())); }
  void before_swap(int a, int b) override {
    events_.push_back(fmt::format("swap {} {}: {}", a, b, keyspace_.database(a).size()));
  }
  void after_swap(int a, int b) override {
    events_.push_back(fmt::format("swapped {} {}: {}", a, b, keyspace_.database(a).size()));
  }

  std::vector<std::string> take() { return std::exchange(events_, {}); }

 private:
  Keyspace& keyspace_;
  std::vector<std::string> events_;
};

class KeyObserverTest : public ::testing::Test {
 protected:
  KeyObserverTest() {
    keyspace_.set_now_ms(1000);
    keyspace_.observers().add(witness_);
  }

  Keyspace keyspace_{4, 1};
  Database& db_ = keyspace_.database(0);
  Witness witness_{keyspace_};
};

TEST_F(KeyObserverTest, HearsOfEveryWayToWriteAString) {
  db_.set_string("k", "v");
  db_.set_string("k", "v");
  db_.set_text("k", "1.5");
  db_.set_integer("n", 1);
  db_.set_integer("n", 2);
  db_.writable_range("k", 1, 1)[0] = 'x';
  db_.writable_range("r", 0, 1)[0] = 'x';
  EXPECT_THAT(witness_.take(), ElementsAre("created 0:k", "written 0:k", "written 0:k", "created 0:n", "written 0:n",
                                           "written 0:k", "created 0:r"));
}

TEST_F(KeyObserverTest, HearsNothingOfReads) {
  db_.set_string("k", "v");
  witness_.take();
  db_.find("k");
  db_.find("none");
  db_.peek("k");
  db_.random_entry();
  EXPECT_FALSE(db_.erase("none"));
  EXPECT_FALSE(db_.persist("k"));
  EXPECT_FALSE(db_.rename("none", "k"));
  EXPECT_TRUE(db_.rename("k", "k"));
  EXPECT_THAT(witness_.take(), IsEmpty());
}

TEST_F(KeyObserverTest, HearsOfKeysThatGoAndMove) {
  db_.set_string("a", "1");
  db_.set_string("b", "2");
  witness_.take();
  db_.rename("a", "b");
  EXPECT_THAT(witness_.take(), ElementsAre("deleted 0:a gone", "written 0:b"));
  db_.move_to(keyspace_.database(1), "b");
  EXPECT_THAT(witness_.take(), ElementsAre("created 1:b", "deleted 0:b gone"));
  keyspace_.database(1).copy_to(db_, "b", "c");
  EXPECT_THAT(witness_.take(), ElementsAre("created 0:c"));
  db_.erase("c");
  EXPECT_THAT(witness_.take(), ElementsAre("deleted 0:c gone"));
  db_.load({.key = "l"});
  EXPECT_THAT(witness_.take(), ElementsAre("created 0:l"));
}

TEST_F(KeyObserverTest, HearsOfExpiries) {
  db_.set_string("k", "v");
  witness_.take();
  db_.set_expiry("k", 5000);
  db_.persist("k");
  EXPECT_THAT(witness_.take(), ElementsAre("expiry 0:k", "expiry 0:k"));
}

TEST_F(KeyObserverTest, HearsOfKeysWhoseTimeHasCome) {
  for (const char* key : {"read", "written", "loaded", "cycle"}) db_.set_string(key, "v", ExpiryChange::set(2000));
  witness_.take();
  keyspace_.set_now_ms(2001);
  EXPECT_THAT(witness_.take(), IsEmpty()) << "nobody has found them";
  EXPECT_EQ(db_.find("read"), nullptr);
  EXPECT_THAT(witness_.take(), ElementsAre("expired 0:read gone"));
  db_.set_string("written", "v");
  EXPECT_THAT(witness_.take(), ElementsAre("expired 0:written gone", "created 0:written"));
  db_.load({.key = "loaded"});
  EXPECT_THAT(witness_.take(), ElementsAre("created 0:loaded"));
  EXPECT_EQ(db_.delete_expired(10), 1u);
  EXPECT_THAT(witness_.take(), ElementsAre("expired 0:cycle gone"));
}

TEST_F(KeyObserverTest, SeesDatabasesBeforeAndAfter) {
  db_.set_string("k", "v");
  keyspace_.database(1).set_string("k", "v");
  witness_.take();
  keyspace_.swap(0, 2);
  keyspace_.swap(1, 1);
  EXPECT_THAT(witness_.take(), ElementsAre("swap 0 2: 1", "swapped 0 2: 0"));
  keyspace_.flush(1, false);
  EXPECT_THAT(witness_.take(), ElementsAre("flush 1 of 1", "flushed, 1 left"));
  keyspace_.flush_all(true);
  EXPECT_THAT(witness_.take(),
              ElementsAre("flush 0 of 0", "flush 1 of 0", "flush 2 of 1", "flush 3 of 0", "flushed, 0 left"));
}

// Takes itself off at the first event.
class Once final : public KeyObserver {
 public:
  explicit Once(Keyspace& keyspace) : keyspace_(keyspace) { keyspace_.observers().add(*this); }
  void key_changed(const KeyEvent&) override {
    told_++;
    keyspace_.observers().remove(*this);
  }
  void before_flush(int) override {}
  void before_swap(int, int) override {}
  int told_ = 0;

 private:
  Keyspace& keyspace_;
};

TEST_F(KeyObserverTest, MayLeaveWhileItIsTold) {
  Once first(keyspace_);
  Once second(keyspace_);
  Once third(keyspace_);
  db_.set_string("k", "v");
  db_.set_string("k", "v");
  EXPECT_EQ(first.told_, 1);
  EXPECT_EQ(second.told_, 1);
  EXPECT_EQ(third.told_, 1);
  EXPECT_THAT(witness_.take(), ElementsAre("created 0:k", "written 0:k"));
  keyspace_.observers().remove(witness_);
  EXPECT_TRUE(keyspace_.observers().empty());
}

}  // namespace
}  // namespace cowslip::store
