// A fixture that runs commands as a connection would, without one: arguments in, the reply in a notation to compare
// with.
//
//   +OK  -ERR what  :1  "bulk"  nil (RESP2 null)  null (RESP3)  ,1.5  #t
//   [a, b] array  {k: v} map  ~[a, b] set  nil-array
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command_table.h"
#include "commands/dispatcher.h"
#include "commands/pub_sub.h"

namespace cowslip::commands {

// Writes down the messages, "<session's id> [message, channel, text]".
class TestOutlet final : public PubSub::Outlet {
 public:
  void deliver(Session& subscriber, std::string_view message) override;
  void delivered() override {}

  std::vector<std::string> messages_;
};

class TestHost final : public Host {
 public:
  TestHost() { add_data_commands(table_); }
  const Clock& clock() const override { return clock_; }
  Random& random() override { return random_; }
  const CommandLimits& limits() const override { return limits_; }
  const CommandTable& commands() const override { return table_; }
  PubSub& pub_sub() override { return pub_sub_; }
  void on_flush_all() override { flushes_++; }

  ManualClock clock_;
  Random random_{1};
  CommandLimits limits_;
  CommandTable table_;
  int flushes_ = 0;
  TestOutlet outlet_;
  PubSub pub_sub_{outlet_};
};

// Writes down what it is told.
class TestObserver final : public ExecutionObserver {
 public:
  void before(const Command& command, CommandContext&) override { events_.push_back("before " + command.full_name); }
  void after(const Command& command, CommandContext&, int64_t duration_us, bool failed) override;
  void on_error(std::string_view code) override { events_.push_back("error " + std::string(code)); }

  std::vector<std::string> events_;
};

class CommandTest : public testing::Test {
 protected:
  // The reply to one command, in the notation above. `line` is split at its spaces.
  std::string run(std::string_view line);
  std::string run(std::initializer_list<std::string_view> args);
  // The reply's bytes.
  std::string run_raw(std::span<const std::string_view> args);
  // How much the command changed Keyspace::dirty().
  uint64_t dirty_of(std::string_view line);

  void use_resp3() { session_.resp_version = protocol::kResp3; }
  int64_t now_ms() const { return host_.clock_.unix_ms(); }
  void advance_ms(int64_t by_ms) { host_.clock_.advance_ms(by_ms); }

  TestHost host_;
  TestObserver observer_;
  store::Keyspace keyspace_{16, 1};
  Dispatcher dispatcher_{host_.table_, keyspace_, host_, observer_};
  Session session_;
};

// RESP bytes in the notation above; whatever follows the first reply is appended as it is.
std::string readable(std::string_view resp);

// How often `part` is in `text`.
size_t occurrences(std::string_view text, std::string_view part);

}  // namespace cowslip::commands
