// What the server remembers of one client between its commands. Owned by the connection; event loop only.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/reply_writer.h"

namespace cowslip::commands {

enum class ReplyMode { kOn, kOff, kSkipNext };

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
  bool no_touch = false;             // CLIENT NO-TOUCH: reads leave access stamps alone
  bool no_evict = false;             // CLIENT NO-EVICT
  bool monitor = false;              // MONITOR: sees every command
  bool close_after_reply = false;    // QUIT, protocol errors
  bool internal = false;             // not a client at all: loading, scripts of the server itself

  std::string last_command;          // full name, as CLIENT LIST shows it ("client|list")
};

}  // namespace cowslip::commands
