// What command handlers may ask of the process around them. The server implements it; tests of commands bring a small
// one of their own. Nothing here knows of sockets. Event loop only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/collation.h"
#include "base/random.h"

namespace cowslip::commands {

// Settings that handlers read, kept up to date by CONFIG SET.
struct CommandLimits {
  uint64_t proto_max_bulk_len = 512ull << 20;
  bool lazyfree_lazy_user_flush = false;
  bool lazyfree_lazy_user_del = false;  // DEL as UNLINK
  // Whether Redis, so configured, would have keys share small integers: OBJECT REFCOUNT says the same.
  bool integers_shared = true;
  Collation collation = {};  // of SORT ... ALPHA
};

class CommandTable;
class PubSub;

class Host {
 public:
  virtual ~Host() = default;
  virtual const Clock& clock() const = 0;
  virtual Random& random() = 0;
  virtual const CommandLimits& limits() const = 0;
  // All commands, for COMMAND.
  virtual const CommandTable& commands() const = 0;
  // Channels and who listens to them.
  virtual PubSub& pub_sub() = 0;
  // FLUSHALL ends a background save under way and, as Redis does, saves the empty set when save points exist.
  virtual void on_flush_all() = 0;
};

}  // namespace cowslip::commands
