// What the server remembers of one client between its commands. Owned by the connection; event loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "commands/key_waits.h"
#include "commands/subscriptions.h"
#include "commands/transaction.h"
#include "commands/watched_keys.h"
#include "protocol/reply_writer.h"

namespace cowslip::commands {

// CLIENT REPLY. The dispatcher turns kSkipNext into kSkipThis while the command in question runs, and that into kOn.
enum class ReplyMode { kOn, kOff, kSkipNext, kSkipThis };

struct Session {
  uint64_t id = 0;
  int database = 0;
  int resp_version = protocol::kResp2;
  bool authenticated = false;
  std::string user = "default";
  std::string name;
  std::string library_name;
  std::string library_version;

  ReplyMode reply_mode = ReplyMode::kOn;
  bool no_touch = false;           // CLIENT NO-TOUCH: reads leave access stamps alone
  bool no_evict = false;           // CLIENT NO-EVICT
  bool monitor = false;            // MONITOR: sees every command
  bool close_after_reply = false;  // QUIT, protocol errors
  bool internal = false;           // not a client at all: loading, scripts of the server itself

  Transaction transaction;  // MULTI
  Watcher watcher;          // WATCH
  // EXEC runs its commands: nothing may wait, nor turn the connection into something else.
  bool in_exec = false;

  // What is written now is not for the client.
  bool holds_reply_back() const { return reply_mode == ReplyMode::kOff || reply_mode == ReplyMode::kSkipThis; }

  // DISCARD, and whatever else ends MULTI.
  void discard_transaction() {
    transaction.discard();
    watcher.unwatch();
  }

  // The client is in a command that waits for a key (BLPOP): it runs no other one. Null when it is not.
  std::unique_ptr<KeyWait> wait;

  std::unique_ptr<Subscriptions> subscriptions;  // null when there are none
  bool is_subscriber() const { return subscriptions != nullptr; }
  // What a client of RESP2 gets could be a reply or a message, so while it is a subscriber it may run only the few
  // commands whose replies look like messages.
  bool in_subscriber_mode() const { return is_subscriber() && resp_version == protocol::kResp2; }

  // Full name, as CLIENT LIST shows it ("client|list"); empty before the first command. A view into the command table.
  std::string_view last_command;
};

}  // namespace cowslip::commands
