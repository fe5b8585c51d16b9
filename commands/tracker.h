// One client that has the server follow what it caches (CLIENT TRACKING). Changed by Tracking only
// (commands/tracking.h). Event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

namespace cowslip::commands {

struct Tracker {
  uint64_t client = 0;
  uint64_t redirect = 0;         // the client that gets the messages; 0: itself
  bool broadcast = false;        // BCAST: hears of all keys with one of `prefixes`, whatever it has read
  bool opt_in = false;           // OPTIN: what it reads counts only after CLIENT CACHING YES
  bool opt_out = false;          // OPTOUT: what it reads counts unless after CLIENT CACHING NO
  bool no_loop = false;          // NOLOOP: its own changes are no news to it
  bool caching = false;          // CLIENT CACHING was given for the command or transaction that comes next
  bool redirect_broken = false;  // a message could not be sent, for that client has gone
  std::set<std::string, std::less<>> prefixes;

  size_t memory_bytes() const {
    constexpr size_t kNode = 4 * sizeof(void*);
    size_t bytes = sizeof *this;
    for (const std::string& prefix : prefixes) bytes += kNode + sizeof(std::string) + prefix.capacity();
    return bytes;
  }
};

}  // namespace cowslip::commands
