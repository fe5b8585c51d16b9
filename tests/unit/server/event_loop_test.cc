#include "server/event_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "server/connection.h"

namespace cowslip::server {
namespace {

class RecordingEvents final : public ConnectionEvents {
 public:
  void on_wake(bool has_slept) override {
    wakes++;
    slept = has_slept;
  }
  void on_ready(Connection& connection, bool readable, bool writable) override {
    ready.push_back(&connection);
    last_readable = readable;
    last_writable = writable;
  }
  bool before_wait() override { return more; }
  void on_turn_end(int64_t now_us) override { ended_us = now_us; }

  int wakes = 0;
  bool more = false;
  bool slept = false;
  int64_t ended_us = 0;
  bool last_readable = false;
  bool last_writable = false;
  std::vector<Connection*> ready;
};

class EventLoopTest : public testing::Test {
 protected:
  EventLoopTest() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    connection.fd.reset(fds[0]);
    peer.reset(fds[1]);
  }

  SystemClock clock;
  ServerStatistics statistics;
  EventLoop loop{clock, statistics};
  RecordingEvents events;
  Connection connection;
  UniqueFd peer;
};

TEST_F(EventLoopTest, TellsOfAReadableClientUntilItIsRead) {
  ASSERT_TRUE(loop.watch(connection.fd.get(), connection));
  ASSERT_EQ(write(peer.get(), "x", 1), 1);
  loop.turn(events, true);
  loop.turn(events, true);  // level-triggered: still there
  EXPECT_EQ(events.ready, (std::vector<Connection*>{&connection, &connection}));
  EXPECT_TRUE(events.last_readable);
  EXPECT_FALSE(events.last_writable);
}

TEST_F(EventLoopTest, TellsOfRoomToWriteOnlyWhenAsked) {
  ASSERT_TRUE(loop.watch(connection.fd.get(), connection));
  loop.turn(events, false);
  EXPECT_TRUE(events.ready.empty());
  loop.set_interest(connection.fd.get(), connection, true, true);
  loop.turn(events, true);
  EXPECT_TRUE(events.last_writable);
}

TEST_F(EventLoopTest, ForgetsAClientThatIsNotWatched) {
  ASSERT_TRUE(loop.watch(connection.fd.get(), connection));
  ASSERT_EQ(write(peer.get(), "x", 1), 1);
  loop.unwatch(connection.fd.get());
  loop.turn(events, false);
  EXPECT_TRUE(events.ready.empty());
}

TEST_F(EventLoopTest, APeerThatLeftMakesTheClientReadable) {
  ASSERT_TRUE(loop.watch(connection.fd.get(), connection));
  peer.reset();
  loop.turn(events, true);
  EXPECT_TRUE(events.last_readable);
}

TEST_F(EventLoopTest, RunsTimersOfTheReactorInside) {
  bool fired = false;
  asio::steady_timer timer(loop.context(), std::chrono::milliseconds(1));
  timer.async_wait([&](asio::error_code) { fired = true; });
  while (!fired) loop.turn(events, true);  // hangs if the reactor's descriptor does not end the wait
  EXPECT_TRUE(fired);
}

TEST_F(EventLoopTest, RunsWhatAnotherThreadPosts) {
  bool ran = false;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    loop.post([&] { ran = true; });
  });
  while (!ran) loop.turn(events, true);
  other.join();
  EXPECT_TRUE(ran);
}

TEST_F(EventLoopTest, DeferredTasksKeepTheLoopAwakeAndRunOnce) {
  int runs = 0;
  loop.defer([&] {
    runs++;
    loop.defer([&] { runs += 10; });
  });
  loop.turn(events, true);  // would hang if the second task did not keep it awake
  EXPECT_EQ(runs, 1);
  loop.turn(events, false);
  EXPECT_EQ(runs, 11);
}

TEST_F(EventLoopTest, DoesNotSleepWhileThereIsMoreToDo) {
  events.more = true;
  loop.turn(events, true);  // would hang otherwise
  EXPECT_EQ(events.wakes, 1);
}

TEST_F(EventLoopTest, TellsWhetherSomebodyHadBeenWaiting) {
  ASSERT_TRUE(loop.watch(connection.fd.get(), connection));
  std::thread late([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(write(peer.get(), "x", 1), 1);
  });
  while (events.ready.empty()) loop.turn(events, true);  // the reactor may have something of its own first
  late.join();
  EXPECT_TRUE(events.slept);
  EXPECT_GT(loop.now_us(), events.ended_us);
  // A turn longer than the one that is worth a look: what is ready at its end may have been so all the time.
  loop.defer([] { std::this_thread::sleep_for(std::chrono::milliseconds(5)); });
  loop.turn(events, true);
  EXPECT_FALSE(events.slept);
  loop.turn(events, false);
  EXPECT_FALSE(events.slept);
}

TEST_F(EventLoopTest, StopEndsRun) {
  loop.defer([&] { loop.stop(); });
  loop.run(events);
  EXPECT_TRUE(loop.stopped());
  EXPECT_GE(statistics.loop_cycles, 1u);
}

}  // namespace
}  // namespace cowslip::server
