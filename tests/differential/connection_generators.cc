// Commands of the group "connection".
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

Steps one(Arguments arguments, Compare compare = Compare::kExact, Action action = Action::kSend) {
  return {{std::move(arguments), compare, action}};
}

// SETNAME comes last and alone with mistakes of its own: Redis 7.0 gives the name at once, 7.2 after all else was
// right.
Steps make_hello(Pool& pool) {
  Arguments arguments = {"HELLO"};
  if (pool.chance(90)) arguments.push_back(pool.one_of({"2", "3", "2", "3", "1", "4", "abc", "", "-3", "30000000000"}));
  if (pool.chance(20)) arguments.insert(arguments.end(), {pool.word("AUTH"), "default", pool.one_of({"", "secret"})});
  if (pool.chance(10)) {
    arguments.push_back(pool.one_of({"AUTH", "SETNAME", "HUH", ""}));
  } else if (pool.chance(25)) {
    arguments.insert(arguments.end(), {pool.word("SETNAME"), pool.one_of({"hi", "two words", ""})});
  }
  return one(arguments, Compare::kHello);
}

Steps make_auth(Pool& pool) {
  Arguments arguments = {"AUTH"};
  if (pool.chance(50)) arguments.push_back(pool.one_of({"default", "nobody", ""}));
  arguments.push_back(pool.value());
  return one(arguments);
}

Steps make_ping(Pool& pool) {
  return one(pool.chance(50) ? Arguments{"PING"} : Arguments{"PING", pool.value()});
}

Steps make_kill(Pool& pool) {
  // Nobody answers to these: a kill that succeeds is for the integration tests.
  switch (pool.random().below(6)) {
    case 0:
      return one({"CLIENT", "KILL", pool.one_of({"1.2.3.4:5", "", "nonsense"})});
    case 1:
      return one({"CLIENT", "KILL", "ID", pool.one_of({"999999", "0", "-1", "abc", "99999999999999999999"})});
    case 2:
      return one({"CLIENT", "KILL", "TYPE", pool.one_of({"pubsub", "master", "replica", "slave", "huh"})});
    case 3:
      return one({"CLIENT", "KILL", "USER", pool.one_of({"nobody", ""})});
    case 4:
      return one({"CLIENT", "KILL", "ADDR", "1.2.3.4:5", "SKIPME", pool.one_of({"yes", "no", "maybe"})});
    default:
      return one({"CLIENT", "KILL", "LADDR", "1.2.3.4:5", pool.one_of({"ID", "1", "HUH"})});
  }
}

Steps make_list(Pool& pool) {
  switch (pool.random().below(4)) {
    case 0:
      return one({"CLIENT", "LIST", "TYPE", pool.one_of({"normal", "pubsub", "huh"})}, Compare::kAnswer);
    case 1:
      return one({"CLIENT", "LIST", "ID", pool.one_of({"999999", "abc", "0", "-1"})}, Compare::kAnswer);
    case 2:
      return one({"CLIENT", "LIST", pool.one_of({"HUH", "ID", "TYPE"})}, Compare::kAnswer);
    default:
      return one({"CLIENT", "LIST"}, Compare::kAnswer);
  }
}

Steps make_reply(Pool& pool) {
  if (pool.chance(50)) return one({"CLIENT", "REPLY", pool.one_of({"ON", "on", "HUH", ""})});
  return one({"CLIENT", "REPLY", "ON"});
}

Steps make_pause(Pool& pool) {
  if (pool.chance(50)) return one({"CLIENT", "PAUSE", pool.one_of({"abc", "-1", "99999999999999999999", "1.5", ""})});
  return {{{"CLIENT", "PAUSE", "20", pool.word(pool.one_of({"WRITE", "ALL", "HUH"}))}}, {{"CLIENT", "UNPAUSE"}}};
}

Steps make_setname(Pool& pool) {
  return one({"CLIENT", "SETNAME", pool.one_of({"worker", "", "two words", "line\n", "caf\xc3\xa9", "worker-2"})});
}

Steps make_unblock(Pool& pool) {
  Arguments arguments = {"CLIENT", "UNBLOCK", pool.one_of({"999999", "abc", "-5", "0"})};
  if (pool.chance(40)) arguments.push_back(pool.word(pool.one_of({"TIMEOUT", "ERROR", "HUH"})));
  return one(arguments);
}

// Switched on for a moment in which nobody reads or writes: whoever is told of changes hears other replies in between.
// tracking_test.cc has clients that are.
Steps make_tracking(Pool& pool) {
  Arguments on = {"CLIENT", pool.word("TRACKING"), pool.word(pool.one_of({"ON", "ON", "ON", "OFF", "HUH"}))};
  if (pool.chance(30)) {
    on.push_back("BCAST");
    on.insert(on.end(), {"PREFIX", "nobody has this:"});
    if (pool.chance(30)) on.insert(on.end(), {"PREFIX", pool.one_of({"nobody", "somebody else"})});
  }
  for (const char* option : {"OPTIN", "OPTOUT", "NOLOOP"}) {
    if (pool.chance(25)) on.push_back(pool.word(option));
  }
  if (pool.chance(15)) on.insert(on.end(), {"REDIRECT", pool.one_of({"0", "-7", "x", "987654321"})});
  if (pool.chance(10)) on.push_back(pool.one_of({"PREFIX", "REDIRECT", "HUH", ""}));
  return {{on},
          {{"CLIENT", "TRACKINGINFO"}},
          {{"CLIENT", "CACHING", pool.word(pool.one_of({"YES", "NO", "HUH"}))}},
          {{"CLIENT", "TRACKINGINFO"}},
          {{"CLIENT", "GETREDIR"}},
          {{"CLIENT", "TRACKING", "OFF"}}};
}

Steps make_unknown(Pool& pool) {
  Arguments arguments = {pool.one_of({"NOSUCH", "get\nset", "", "x y", "GETT", "\xff\x01"})};
  while (pool.chance(60)) arguments.push_back(pool.value());
  return one(arguments);
}

const Generator kGenerators[] = {
    {"ping", 3, make_ping},
    {"echo", 3, [](Pool& p) { return one({"ECHO", p.value()}); }},
    {"select", 8, [](Pool& p) { return one({"SELECT", p.database()}); }},
    {"auth", 2, make_auth},
    {"hello", 3, make_hello, false},
    {"reset", 1, [](Pool&) { return one({"RESET"}); }},
    {"quit", 1, [](Pool&) { return one({"QUIT"}, Compare::kExact, Action::kThenReopen); }},
    {"client", 1, [](Pool& p) { return one({"CLIENT", p.one_of({"NONSENSE", "", "LISTS"})}); }},
    {"client|id", 1, [](Pool&) { return one({"CLIENT", "ID"}, Compare::kAnswer); }},
    {"client|info", 1, [](Pool&) { return one({"CLIENT", "INFO"}, Compare::kAnswer); }},
    {"client|list", 2, make_list},
    {"client|getname", 2, [](Pool&) { return one({"CLIENT", "GETNAME"}); }},
    {"client|setname", 2, make_setname},
    {"client|kill", 3, make_kill, false},
    {"client|pause", 1, make_pause, false},
    {"client|unpause", 1, [](Pool&) { return one({"CLIENT", "UNPAUSE"}); }},
    {"client|reply", 1, make_reply, false},
    {"client|no-evict", 1, [](Pool& p) { return one({"CLIENT", "NO-EVICT", p.one_of({"on", "off", "ON", "huh"})}); }},
    {"client|unblock", 1, make_unblock},
    {"client|tracking", 3, make_tracking, false},
    {"client|trackinginfo", 1, [](Pool&) { return one({"CLIENT", "TRACKINGINFO"}); }},
    {"client|getredir", 1, [](Pool&) { return one({"CLIENT", "GETREDIR"}); }},
    {"client|caching", 1, [](Pool& p) { return one({"CLIENT", "CACHING", p.one_of({"yes", "no", "huh"})}); }},
    {"client|help", 1, [](Pool&) { return one({"CLIENT", "HELP"}, Compare::kAnswer); }},
    // Not a command, and that is the point: the words of the refusal.
    {"", 3, make_unknown},
};

}  // namespace

std::span<const Generator> connection_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
