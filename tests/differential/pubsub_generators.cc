// Publishing, and asking who listens. In the common walk nobody does: pubsub_test.cc has the walks with subscribers.
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

std::string channel(Pool& pool) {
  return pool.one_of({"news", "news.it", "", "a", "__keyspace@0__:key", "{tag}x"});
}

Steps make_pubsub(Pool& pool, std::string_view word) {
  Arguments arguments = {pool.word("PUBSUB"), pool.word(word)};
  while (pool.chance(40)) arguments.push_back(channel(pool));
  return {{arguments}};
}

const Generator kGenerators[] = {
    {"publish", 2, [](Pool& p) -> Steps { return {{{"PUBLISH", channel(p), p.value()}}}; }},
    {"spublish", 2, [](Pool& p) -> Steps { return {{{"SPUBLISH", channel(p), p.value()}}}; }},
    {"pubsub", 1, [](Pool& p) -> Steps { return {{{"PUBSUB", p.one_of({"NONSENSE", "", "CHANNEL"})}}}; }},
    {"pubsub|channels", 1, [](Pool& p) { return make_pubsub(p, "CHANNELS"); }},
    {"pubsub|numsub", 1, [](Pool& p) { return make_pubsub(p, "NUMSUB"); }},
    {"pubsub|numpat", 1, [](Pool& p) { return make_pubsub(p, "NUMPAT"); }},
    {"pubsub|shardchannels", 1, [](Pool& p) { return make_pubsub(p, "SHARDCHANNELS"); }},
    {"pubsub|shardnumsub", 1, [](Pool& p) { return make_pubsub(p, "SHARDNUMSUB"); }},
    {"pubsub|help", 1, [](Pool&) -> Steps { return {{{"PUBSUB", "HELP"}, Compare::kAnswer}}; }},
};

}  // namespace

std::span<const Generator> pubsub_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
