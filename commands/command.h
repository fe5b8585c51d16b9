// What a command is: one CommandSpec drives dispatch, COMMAND INFO and DOCS, ACL categories, redis-cli's hints and the
// coverage check of the differential tester.
//
// Handlers are plain functions of a CommandContext. They parse arguments, call the store, and write exactly one reply.
// A family's specs stand in a constexpr table at the end of its file; adding a command touches that file and its test
// (docs/ADDING_A_COMMAND.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "commands/host.h"
#include "commands/session.h"
#include "protocol/reply_writer.h"
#include "store/keyspace.h"

namespace cowslip::commands {

struct CommandSpec;
class Dispatcher;

// Everything one execution of a command may touch.
struct CommandContext {
  std::span<const std::string_view> args;  // args[0] is the name as the client wrote it; views into its buffer
  protocol::ReplyWriter& reply;
  Session& session;
  store::Keyspace& keyspace;
  Host& host;
  const CommandSpec& spec;  // the subcommand's, where there is one
  Dispatcher& dispatcher;   // for those that run other commands (EXEC)

  store::Database& db() { return keyspace.database(session.database); }
  // Tells whoever listens that something happened to `key`. After the change, before the reply.
  void notify(store::EventClass of, std::string_view event, std::string_view key) const {
    notify(of, event, session.database, key);
  }
  void notify(store::EventClass of, std::string_view event, int database, std::string_view key) const {
    keyspace.events().notify(of, event, database, key);
  }
  // What storing an empty result comes to: the key goes, without a look whether it has expired (as Redis has it), and
  // listeners are told.
  void store_nothing(std::string_view key);
  // The lookup kind for a read by this client (CLIENT NO-TOUCH leaves stamps alone).
  store::Lookup read_lookup() const { return session.no_touch ? store::Lookup::kReadNoTouch : store::Lookup::kRead; }
};

using store::EventClass;

using Handler = void (*)(CommandContext&);

// COMMAND INFO's flags. The names are Redis's, lower case, in command_flag_names().
enum CommandFlag : uint32_t {
  kWrite = 1u << 0,
  kReadonly = 1u << 1,
  kDenyOom = 1u << 2,  // refused when maxmemory is reached
  kAdmin = 1u << 3,
  kPubSub = 1u << 4,
  kNoScript = 1u << 5,
  kBlocking = 1u << 6,
  kLoading = 1u << 7,  // allowed while the dataset is loading
  kStale = 1u << 8,
  kSkipMonitor = 1u << 9,
  kSkipSlowlog = 1u << 10,
  kFast = 1u << 11,
  kNoAuth = 1u << 12,        // allowed before AUTH
  kMayReplicate = 1u << 13,  // hidden; waits for the end of a pause of writes
  kNoAsyncLoading = 1u << 14,
  kNoMulti = 1u << 15,
  kAllowBusy = 1u << 16,
  kMovableKeys = 1u << 17,
  kProtected = 1u << 18,             // DEBUG: subject to enable-debug-command
  kTouchesArbitraryKeys = 1u << 19,  // hidden: not named in COMMAND INFO
  kNoMandatoryKeys = 1u << 20,
  // Hidden as well: what becomes of a command between MULTI and EXEC.
  kNotQueued = 1u << 21,         // runs at once
  kEndsMulti = 1u << 22,         // never refused for want of memory: it gives back what is queued
  kRunsQueue = 1u << 23,         // EXEC
  kInSubscriberMode = 1u << 24,  // hidden: allowed to a subscriber of RESP2
  kRepliesInParts = 1u << 25,    // hidden: minds CLIENT REPLY itself
  kSystemCommand = 1u << 26,     // hidden: COMMAND DOCS say that it is not for clients
};

struct FlagName {
  uint32_t flag;
  std::string_view name;
};
// The flags that COMMAND INFO names, and the key flags, each in the order in which it does.
std::span<const FlagName> command_flag_names();
std::span<const FlagName> key_flag_names();

// Key positions among the arguments: first, last (negative: from the end), step. All 0: no keys.
struct KeyRange {
  int first = 0;
  int last = 0;
  int step = 0;
};
inline constexpr KeyRange kOneKey = {1, 1, 1};
inline constexpr KeyRange kAllKeys = {1, -1, 1};

// What a command does with its keys, for key specifications and ACLs.
enum KeyFlag : uint16_t {
  kKeyRO = 1u << 0,
  kKeyRW = 1u << 1,
  kKeyOW = 1u << 2,
  kKeyRM = 1u << 3,
  kKeyAccess = 1u << 4,
  kKeyUpdate = 1u << 5,
  kKeyInsert = 1u << 6,
  kKeyDelete = 1u << 7,
  kKeyVariable = 1u << 8,  // depends on the arguments
  kKeyNotKey = 1u << 9,    // a name that is treated like a key and is none
  kKeyIncomplete = 1u << 10,
};

// How the keys of a KeySpec are found.
enum class KeySearch : uint8_t {
  kRange,    // from range.first to range.last
  kCounted,  // the argument at range.first says how many keys follow it, range.step apart
  kKeyword,  // one key behind the first `keyword`, which is looked for from range.first on
  kUnknown,  // CommandSpec::find_keys knows
};

// Keys that a command treats alike.
struct KeySpec {
  KeyRange range = {};
  uint16_t flags = 0;  // KeyFlag
  KeySearch search = KeySearch::kRange;
  std::string_view keyword = {};
  std::string_view notes = {};  // for COMMAND INFO
};

// A key among the arguments of one request.
struct KeyReference {
  size_t index;
  uint16_t flags;  // KeyFlag, as they hold for this request
};

struct CommandSpec {
  std::string_view name = {};  // lower case; a subcommand's own word ("get" of "config get")
  int arity = 0;               // with the name(s); negative: at least so many
  uint32_t flags = 0;          // CommandFlag
  KeyRange keys = {};
  uint16_t key_flags = 0;       // KeyFlag
  std::string_view group = {};  // "string", "generic", "connection", "server"
  std::string_view since = {};  // Redis version
  std::string_view complexity = {};
  std::string_view summary = {};  // our own words
  // The arguments, from which COMMAND DOCS makes its tree, in the notation of commands/argument_syntax.h:
  //   key value [condition= NX | XX] [expiration= EX seconds:integer | PX milliseconds:integer] [other:key ...]
  std::string_view syntax = {};
  Handler handler = nullptr;  // null: only a container of subcommands
  std::span<const CommandSpec> subcommands = {};
  std::string_view categories = {};  // ACL categories besides those that flags imply ("@string @dangerous" style)
  std::string_view tips = {};        // "nondeterministic_output request_policy:all_shards" style
  // Where a command treats its keys differently (RENAME): one for each kind. Otherwise empty: `keys` and `key_flags`
  // say it.
  std::span<const KeySpec> key_specs = {};
  // For kKeyVariable: the key flags of one request.
  uint16_t (*variable_key_flags)(std::span<const std::string_view> args) = nullptr;
  // Where a key specification is of kind kUnknown: adds the keys of one request that fall under those.
  void (*find_keys)(std::span<const std::string_view> args, std::vector<KeyReference>& keys) = nullptr;
  std::string_view deprecated_since = {};
  std::string_view replaced_by = {};

  // Whether the arity allows a request of that many arguments.
  bool takes(size_t arguments) const {
    const auto count = static_cast<int64_t>(arguments);
    return arity >= 0 ? count == arity : count >= -int64_t{arity};
  }
};

}  // namespace cowslip::commands
