// Client-side caching: tells clients that keep values in memory of their own which of them are out of date.
//
//     by default   what a client reads is remembered, by name; when the key changes, the client is told once, and is
//                  to read it again if it wants to hear of it again
//     BCAST        nothing is remembered: a client hears of every change of keys with its prefixes, once a turn of the
//                  event loop
//
// A key is a name, whatever its database is. A client hears of changes that it makes itself, too (unless NOLOOP),
// behind the reply of the command, or of EXEC. After a flush every client is told to forget all; and after SWAPDB.
//
// Listens to the keyspace only while there are clients that track. What a message is made of and how it travels is the
// business of TrackingOutlet. Event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "commands/tracker.h"
#include "commands/tracking_table.h"
#include "store/key_observer.h"
#include "store/keyspace.h"

namespace cowslip::commands {

struct CommandSpec;

// What Tracking needs of those who know connections.
class TrackingOutlet {
 public:
  virtual ~TrackingOutlet() = default;
  // Tells the client to forget some keys: `names` is an array of strings in RESP, the same in both versions. Must
  // neither change the keyspace nor start or stop tracking, except to note that the redirection is broken.
  virtual void forget_keys(Tracker& tracker, std::string_view names) = 0;
  // Tells it to forget all keys.
  virtual void forget_all(Tracker& tracker) = 0;
  // The client whose command runs; 0: none.
  virtual uint64_t current_client() const = 0;
  // A file is being loaded: what changes is no news.
  virtual bool loading() const = 0;
};

struct TrackingOptions {
  uint64_t redirect = 0;
  bool broadcast = false;
  bool opt_in = false;
  bool opt_out = false;
  bool no_loop = false;
  std::vector<std::string_view> prefixes = {};
};

class Tracking final : public store::KeyObserver {
 public:
  // Both outlive the object.
  Tracking(store::Keyspace& keyspace, TrackingOutlet& outlet) : keyspace_(keyspace), outlet_(outlet) {}
  ~Tracking() override;
  Tracking(const Tracking&) = delete;
  Tracking& operator=(const Tracking&) = delete;

  // The client tracks from now on, or otherwise than before; prefixes add to those it has. The result is valid until
  // stop(). REQUIRES: the options fit each other, and what the client has.
  Tracker& start(uint64_t client, const TrackingOptions& options);
  // REQUIRES: the client tracks. With the last one all that was remembered goes.
  void stop(uint64_t client);

  // Whether anybody tracks, and whether reads matter to anybody. Cheap: asked with every command.
  bool active() const { return !trackers_.empty(); }
  bool follows_reads() const { return readers_ > 0; }

  // The tracker has run a command that only reads. REQUIRES: the arguments fit the command's arity.
  void remember(const Tracker& tracker, const CommandSpec& spec, std::span<const std::string_view> args);
  // The current client's command is done, its reply is whole: tells it what it did itself.
  void after_command();
  // Tells those with prefixes.
  void end_of_turn();
  // Forgets keys by chance, which their clients are told, until there are at most so many (0: any number) or enough for
  // one call has been done: more with each call that does not get there.
  void limit_keys(size_t most);

  size_t clients() const { return trackers_.size(); }
  size_t prefixes() const { return prefixes_.size(); }
  const TrackingTable& table() const { return table_; }
  size_t memory_bytes() const;

  // ---- store::KeyObserver ----
  void key_changed(const store::KeyEvent& event) override;
  void before_flush(int /*database*/) override {}
  void after_flush() override { forget_everything(); }
  void before_swap(int /*a*/, int /*b*/) override {}
  void after_swap(int /*a*/, int /*b*/) override { forget_everything(); }

 private:
  struct Prefix {
    // Those of this turn, and who has changed each last (0: no client). Ordered, as the message has them.
    std::map<std::string, uint64_t, std::less<>> changed;
    std::set<uint64_t> clients;
  };

  void join(Tracker& tracker, std::string_view prefix);
  void leave_prefixes(Tracker& tracker);
  void note_for_prefixes(std::string_view key, uint64_t author);
  void broadcast(Prefix& prefix);
  enum class Behind { kReply, kNothing };
  // Tells the key's readers; the current client behind its reply, or at once.
  void tell_readers(std::string_view key, Behind behind);
  void forget_everything();
  void free_table();

  store::Keyspace& keyspace_;
  TrackingOutlet& outlet_;
  std::map<uint64_t, Tracker> trackers_;  // by client
  size_t readers_ = 0;                    // of them, those without BCAST
  TrackingTable table_;
  std::map<std::string, Prefix, std::less<>> prefixes_;
  std::map<size_t, size_t> prefix_lengths_;      // and how many prefixes have each
  bool broadcast_pending_ = false;               // some prefix has changed keys
  std::vector<std::optional<std::string>> own_;  // for the current client; nothing: all keys
  uint64_t limit_misses_ = 0;                    // calls in a row after which there were too many keys still
};

}  // namespace cowslip::commands
