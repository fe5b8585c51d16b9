// Commands of the group "server", COMMAND among them.
#include "tests/differential/generator.h"
#include "tests/support/harness.h"

namespace cowslip::testing {

namespace {

Steps one(Arguments arguments, Compare compare = Compare::kExact, Action action = Action::kSend) {
  return {{std::move(arguments), compare, action}};
}

std::string command_name(Pool& pool) {
  return pool.one_of(
      {"get", "SET", "mset", "config|get", "nosuch", "", "object|encoding", "client|list", "lcs", "copy"});
}

Steps make_command_list(Pool& pool) {
  switch (pool.random().below(5)) {
    case 0:
      return one({"COMMAND", "LIST", "FILTERBY", "PATTERN", pool.one_of({"get*", "*", "nosuch", "client|*"})},
                 Compare::kSubset);
    case 1:
      return one({"COMMAND", "LIST", "FILTERBY", "ACLCAT", pool.one_of({"string", "keyspace", "huh"})},
                 Compare::kSubset);
    case 2:
      return one({"COMMAND", "LIST", "FILTERBY", "MODULE", "nosuch"}, Compare::kSubset);
    case 3:
      return one({"COMMAND", "LIST", pool.one_of({"FILTERBY", "HUH"})});
    default:
      return one({"COMMAND", "LIST", "FILTERBY", pool.one_of({"HUH", "ACL"}), "x"});
  }
}

Steps make_getkeys(Pool& pool, std::string_view word) {
  Arguments arguments = {"COMMAND", std::string(word)};
  switch (pool.random().below(6)) {
    case 0:
      arguments.insert(arguments.end(), {"GET", pool.key()});
      break;
    case 1:
      arguments.insert(arguments.end(), {"MSET", pool.key(), "1", pool.key(), "2"});
      break;
    case 2:
      arguments.insert(arguments.end(), {"SET", pool.key(), "v", "NX"});
      break;
    case 3:
      arguments.insert(arguments.end(), {"DEL", pool.key(), pool.key(), pool.key()});
      break;
    case 4:
      arguments.insert(arguments.end(), {"PING", "x"});  // alone it would be too few for 7.0, and enough for 7.2
      break;
    default:
      arguments.insert(arguments.end(), {pool.one_of({"NOSUCH", "GET", "COPY", "STRLEN"}), "x", "y", "z"});
  }
  return one(arguments);
}

Steps make_acl_cat(Pool& pool) {
  if (pool.chance(30)) return one({"ACL", "CAT"}, Compare::kSubset);
  return one({"ACL", "CAT", pool.one_of({"string", "keyspace", "connection", "huh", ""})}, Compare::kSubset);
}

Steps make_config_get(Pool& pool) {
  Arguments arguments = {"CONFIG", "GET"};
  do
    arguments.push_back(pool.one_of({"maxmemory", "hz", "timeout", "databases", "rdbcompression", "rdbchecksum",
                                     "appendonly", "nosuch", "save", "maxclients", "tcp-keepalive", "requirepass",
                                     "stop-writes-on-bgsave-error", "list-max-listpack-size", "maxmemory-policy"}));
  while (pool.chance(30));
  return one(arguments, Compare::kAnswer);
}

Steps make_config_set(Pool& pool) {
  switch (pool.random().below(6)) {
    case 0:
      return one({"CONFIG", "SET", "nosuch", "1"});
    case 1:
      return one({"CONFIG", "SET", "hz", pool.one_of({"10", "abc", "", "20"})});
    case 2:
      return one({"CONFIG", "SET", "maxmemory-samples", pool.one_of({"5", "0", "-1", "abc", "10"})});
    case 3:
      return one({"CONFIG", "SET", "rdbcompression", pool.one_of({"yes", "no", "maybe", "YES"})});
    case 4:
      return one({"CONFIG", "SET", "timeout", "0", pool.one_of({"timeout", "hz", "nosuch"}), "10"});
    default:
      return one({"CONFIG", "SET", "maxmemory-policy",
                  pool.one_of({"noeviction", "huh", "allkeys-", "ALLKEYS-LRU", "allkeys-lfu", "volatile-ttl"})});
  }
}

Steps make_memory_usage(Pool& pool) {
  Arguments arguments = {"MEMORY", "USAGE", pool.key()};
  if (pool.chance(30)) arguments.insert(arguments.end(), {pool.one_of({"SAMPLES", "HUH"}), pool.integer()});
  return one(arguments, Compare::kAnswer);
}

// A sanitizer's allocator has no statistics, and the words that say so come as another type, as in Redis.
Steps make_malloc_stats(Pool&) {
  if (sanitized()) return one({"MEMORY", "MALLOC-STATS", "surplus"});
  return one({"MEMORY", "MALLOC-STATS"}, Compare::kAnswer);
}

Steps make_slowlog_get(Pool& pool) {
  Arguments arguments = {"SLOWLOG", "GET"};
  if (pool.chance(70)) arguments.push_back(pool.one_of({"10", "0", "-1", "-2", "abc", ""}));
  return one(arguments);
}

Steps make_debug(Pool& pool) {
  switch (pool.random().below(8)) {
    case 0:
      return one({"DEBUG", "OBJECT", pool.key()}, Compare::kAnswer);
    case 1:
      return one({"DEBUG", "DIGEST"});
    case 2:
      return one({"DEBUG", "DIGEST-VALUE", pool.key(), pool.key()});
    case 3:
      return one({"DEBUG", "SLEEP", pool.one_of({"0", "0.001"})});
    case 4:
      return one({"DEBUG", "POPULATE", pool.one_of({"5", "0", "abc"}), pool.one_of({"key", "pop"})});
    case 5:
      return one({"DEBUG", "POPULATE", "3", "sized", pool.one_of({"10", "100", "abc"})});
    case 6:
      return pool.chance(90) ? one({"DEBUG", "DIGEST"}) : one({"DEBUG", "RELOAD"});
    default:
      return one({"DEBUG", "OBJECT"});
  }
}

Steps make_shutdown(Pool& pool) {
  // Only forms that are refused.
  if (pool.chance(50)) return one({"SHUTDOWN", pool.one_of({"HUH", "ABORT"})});
  return one({"SHUTDOWN", pool.one_of({"NOSAVE SAVE", "MAYBE"}), "NOSAVE"});
}

Steps make_info(Pool& pool) {
  Arguments arguments = {"INFO"};
  while (pool.chance(50))
    arguments.push_back(pool.one_of({"server", "Memory", "all", "everything", "nosuch", "default"}));
  return one(arguments, Compare::kAnswer);
}

Steps make_bgsave(Pool& pool) {
  // Garbling may drop an argument that is refused, so every form waits for the save it may have started.
  Arguments arguments = {"BGSAVE"};
  if (pool.chance(50)) {
    arguments.push_back(pool.one_of({"HUH", "SCHEDULED", ""}));
  } else if (pool.chance(50)) {
    arguments.push_back(pool.word("SCHEDULE"));
  }
  return one(arguments, Compare::kExact, Action::kThenWait);
}

const Generator kGenerators[] = {
    {"command", 1, [](Pool& p) { return one({"COMMAND", p.one_of({"NONSENSE", ""})}); }, false},
    {"command|count", 1, [](Pool&) { return one({"COMMAND", "COUNT"}, Compare::kAnswer); }},
    {"command|list", 2, make_command_list, false},
    {"command|info", 2, [](Pool& p) { return one({"COMMAND", "INFO", command_name(p)}, Compare::kAnswer); }},
    {"command|docs", 2, [](Pool& p) { return one({"COMMAND", "DOCS", command_name(p)}, Compare::kAnswer); }},
    {"command|getkeys", 2, [](Pool& p) { return make_getkeys(p, "GETKEYS"); }, false},
    {"command|getkeysandflags", 2, [](Pool& p) { return make_getkeys(p, "GETKEYSANDFLAGS"); }, false},
    {"acl", 1, [](Pool& p) { return one({"ACL", p.one_of({"NONSENSE", ""})}); }},
    {"acl|whoami", 1, [](Pool&) { return one({"ACL", "WHOAMI"}); }},
    {"acl|users", 1, [](Pool&) { return one({"ACL", "USERS"}); }},
    {"acl|list", 1, [](Pool&) { return one({"ACL", "LIST"}); }},
    {"acl|cat", 2, make_acl_cat},
    {"acl|help", 1, [](Pool&) { return one({"ACL", "HELP"}, Compare::kAnswer); }},
    {"role", 1, [](Pool&) { return one({"ROLE"}); }},
    // Not garbled: to wait for a replica without a time limit is to wait for ever.
    {"wait", 1, [](Pool& p) { return one({"WAIT", p.one_of({"0", "-1", "abc"}), p.one_of({"0", "1", "-1", "x"})}); },
     false},
    {"command|help", 1, [](Pool&) { return one({"COMMAND", "HELP"}, Compare::kAnswer); }},
    {"config", 1, [](Pool& p) { return one({"CONFIG", p.one_of({"NONSENSE", ""}), "x"}); }},
    {"config|get", 2, make_config_get},
    {"config|set", 3, make_config_set},
    {"config|resetstat", 1, [](Pool&) { return one({"CONFIG", "RESETSTAT"}); }},
    {"config|rewrite", 1, [](Pool&) { return one({"CONFIG", "REWRITE"}); }},
    {"config|help", 1, [](Pool&) { return one({"CONFIG", "HELP"}, Compare::kAnswer); }},
    {"info", 2, make_info},
    {"time", 1, [](Pool&) { return one({"TIME"}, Compare::kAnswer); }},
    {"lastsave", 1, [](Pool&) { return one({"LASTSAVE"}, Compare::kAnswer); }},
    {"save", 1, [](Pool& p) { return one(p.chance(50) ? Arguments{"SAVE"} : Arguments{"SAVE", "now"}); }},
    {"bgsave", 1, make_bgsave},
    {"shutdown", 1, make_shutdown, false},
    {"memory", 1, [](Pool& p) { return one({"MEMORY", p.one_of({"NONSENSE", ""})}); }},
    {"memory|usage", 3, make_memory_usage},
    {"memory|stats", 1, [](Pool&) { return one({"MEMORY", "STATS"}, Compare::kAnswer); }},
    {"memory|doctor", 1, [](Pool&) { return one({"MEMORY", "DOCTOR"}, Compare::kAnswer); }},
    {"memory|malloc-stats", 1, make_malloc_stats, false},
    {"memory|purge", 1, [](Pool&) { return one({"MEMORY", "PURGE"}); }},
    {"memory|help", 1, [](Pool&) { return one({"MEMORY", "HELP"}, Compare::kAnswer); }},
    {"slowlog", 1, [](Pool& p) { return one({"SLOWLOG", p.one_of({"NONSENSE", ""})}); }},
    {"slowlog|get", 2, make_slowlog_get},
    {"slowlog|len", 1, [](Pool&) { return one({"SLOWLOG", "LEN"}); }},
    {"slowlog|reset", 1, [](Pool&) { return one({"SLOWLOG", "RESET"}); }},
    {"slowlog|help", 1, [](Pool&) { return one({"SLOWLOG", "HELP"}, Compare::kAnswer); }},
    {"latency", 1, [](Pool& p) { return one({"LATENCY", p.one_of({"NONSENSE", ""})}); }},
    {"latency|latest", 1, [](Pool&) { return one({"LATENCY", "LATEST"}); }},
    {"latency|history", 1, [](Pool& p) { return one({"LATENCY", "HISTORY", p.one_of({"command", "huh"})}); }},
    {"latency|reset", 1, [](Pool& p) { return one({"LATENCY", "RESET", p.one_of({"command", "huh"})}); }},
    {"latency|graph", 1, [](Pool& p) { return one({"LATENCY", "GRAPH", p.one_of({"command", "huh"})}); }},
    {"latency|doctor", 1, [](Pool&) { return one({"LATENCY", "DOCTOR"}, Compare::kAnswer); }},
    {"latency|histogram", 1, [](Pool& p) { return one({"LATENCY", "HISTOGRAM", command_name(p)}, Compare::kAnswer); }},
    {"latency|help", 1, [](Pool&) { return one({"LATENCY", "HELP"}, Compare::kAnswer); }},
    {"debug", 4, make_debug, false},
};

}  // namespace

std::span<const Generator> server_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
