#include "tests/differential/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/numbers.h"

namespace cowslip::testing {

namespace {

// Commands of Redis 7.2 that 7.0 does not list.
const std::set<std::string> kNewerThanTheOracle = {"client|no-touch", "client|setinfo"};

// A command that is no Redis's, or a subcommand of it.
bool our_own(std::string_view command) {
  return command == "snapshot" || command.starts_with("snapshot|");
}

// Redis writes an argument it quotes in an error as a C string, which a NUL byte ends; we write all of it.
bool same_error(const Reply& cowslip, const Reply& redis) {
  if (cowslip == redis) return true;
  const size_t nul = cowslip.text.find('\0');
  return cowslip.kind == redis.kind && nul != std::string::npos &&
         redis.text.starts_with(cowslip.text.substr(0, nul)) && redis.text.size() < cowslip.text.size();
}

bool less(const Reply& a, const Reply& b) {
  return std::tie(a.kind, a.text, a.integer) < std::tie(b.kind, b.text, b.integer);
}

Reply sorted(Reply reply) {
  std::sort(reply.elements.begin(), reply.elements.end(), less);
  return reply;
}

// The elements by twos, in order of the first.
std::vector<std::pair<Reply, Reply>> pairs(const Reply& reply) {
  std::vector<std::pair<Reply, Reply>> found;
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2)
    found.emplace_back(reply.elements[i], reply.elements[i + 1]);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return less(a.first, b.first); });
  return found;
}

bool same_pairs(const Reply& a, const Reply& b) {
  return a.kind == b.kind && a.elements.size() == b.elements.size() && pairs(a) == pairs(b);
}

// Redis 7.0 has no listpacks for sets, which 7.2 has, and says hashtable; and for lists quicklist. (And where 7.2 would
// move what little is left of a set after SPOP to one of integers, 7.0 does not for the SREM that takes its place
// here.) Whether only sets and lists differ in that way, the comparison of the datasets tells.
bool same_encoding(const Reply& cowslip, const Reply& redis) {
  if (cowslip == redis) return true;
  if (cowslip == Reply::bulk("listpack")) return redis == Reply::bulk("hashtable") || redis == Reply::bulk("quicklist");
  return cowslip == Reply::bulk("intset") && redis == Reply::bulk("hashtable");
}

bool same_within_clock(const Reply& a, const Reply& b) {
  if (a.kind != b.kind) return false;
  if (!a.is_integer() || a.integer < 0 || b.integer < 0) return a == b;  // -1 and -2 are answers of their own
  return std::abs(a.integer - b.integer) <= kClockToleranceMs;
}

bool same_score(const std::string& cowslip, const std::string& redis) {
  if (cowslip == redis) return true;
  const auto score = parse_double(redis);
  return score && fmt::format("{:.17g}", *score) == redis && format_double(*score) == cowslip;
}

bool same_scores(const Reply& a, const Reply& b) {
  if (a.kind != b.kind || a.integer != b.integer || a.elements.size() != b.elements.size()) return false;
  if (!same_score(a.text, b.text)) return false;
  for (size_t i = 0; i < a.elements.size(); i++) {
    if (!same_scores(a.elements[i], b.elements[i])) return false;
  }
  return true;
}

bool subset(const Reply& part, const Reply& whole) {
  if (part.kind != whole.kind) return false;
  const auto names = whole.strings();
  const std::set<std::string> known(names.begin(), names.end());
  return std::all_of(part.elements.begin(), part.elements.end(), [&](const Reply& element) {
    return known.contains(element.text) || kNewerThanTheOracle.contains(element.text) || our_own(element.text);
  });
}

bool same_hello(Reply a, Reply b) {
  if (a.kind != b.kind || a.elements.size() != b.elements.size()) return false;
  for (size_t i = 0; i + 1 < a.elements.size(); i += 2) {
    const std::string& field = a.elements[i].text;
    if (field == "version" || field == "id") a.elements[i + 1] = b.elements[i + 1] = Reply::null();
  }
  return a == b;
}

}  // namespace

bool same_reply(const Reply& cowslip, const Reply& redis, Compare compare) {
  if (cowslip.is_error() || redis.is_error()) return same_error(cowslip, redis);
  switch (compare) {
    case Compare::kExact:
      return cowslip == redis;
    case Compare::kUnordered:
      return sorted(cowslip) == sorted(redis);
    case Compare::kPairs:
      return same_pairs(cowslip, redis);
    case Compare::kEncoding:
      return same_encoding(cowslip, redis);
    case Compare::kScores:
      return same_scores(cowslip, redis);
    case Compare::kClock:
      return same_within_clock(cowslip, redis);
    case Compare::kAnswer:
      return cowslip.kind == redis.kind;
    case Compare::kSubset:
      return subset(cowslip, redis);
    case Compare::kHello:
      return same_hello(cowslip, redis);
  }
  return false;
}

bool same_reply(const Reply& cowslip, const Reply& redis, const Step& step) {
  const size_t count = step.elements.size();
  const bool arrays = cowslip.kind == Reply::Kind::kArray && redis.kind == Reply::Kind::kArray;
  if (!arrays || count == 0 || cowslip.elements.size() != count || redis.elements.size() != count) {
    return same_reply(cowslip, redis, step.compare);
  }
  for (size_t i = 0; i < count; ++i) {
    if (!same_reply(cowslip.elements[i], redis.elements[i], step.elements[i])) return false;
  }
  return true;
}

}  // namespace cowslip::testing
