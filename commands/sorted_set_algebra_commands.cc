// Sorted sets: unions, intersections, differences, replied or stored.
#include "base/numbers.h"
#include "commands/families.h"
#include "commands/sorted_set_algebra.h"
#include "commands/sorted_set_ops.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::ObjectType;

enum class Operation : uint8_t { kUnion, kIntersection, kDifference };
enum class Want : uint8_t { kMembers, kSize, kStored };

struct AlgebraRequest {
  Operation operation;
  Want want;
  std::vector<AlgebraSource> sources = {};
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  uint64_t limit = 0;
};

// The keys, which the argument at `at` counts, are looked up before the options are read. False after an error reply.
bool read_sources(CommandContext& c, size_t at, AlgebraRequest& request) {
  const auto count = integer_argument(c, at);
  if (!count) return false;
  if (*count < 1) {
    c.reply.error("ERR at least 1 input key is needed for '" + std::string(c.spec.name) + "' command");
    return false;
  }
  if (static_cast<uint64_t>(*count) > c.args.size() - at - 1) {
    c.reply.error(kSyntaxError);
    return false;
  }
  const auto keys = c.args.subspan(at + 1, static_cast<size_t>(*count));
  std::vector<const Entry*> entries;
  const size_t size = c.db().size();
  for (const std::string_view key : keys) {
    const Entry* entry = c.db().find(key, c.read_lookup());
    if (entry != nullptr && entry->type() != ObjectType::kSortedSet && entry->type() != ObjectType::kSet) {
      c.reply.error(kWrongType);
      return false;
    }
    entries.push_back(entry);
  }
  if (c.db().size() != size) peek_again(c, keys, entries);
  for (const Entry* entry : entries) {
    request.sources.push_back(entry == nullptr ? AlgebraSource() : AlgebraSource(*entry, c.keyspace.hash_seed()));
  }
  return true;
}

bool read_weights(CommandContext& c, size_t first, AlgebraRequest& request) {
  for (size_t i = 0; i < request.sources.size(); i++) {
    const auto weight = parse_double(c.args[first + i]);
    if (!weight) {
      c.reply.error("ERR weight value is not a float");
      return false;
    }
    request.sources[i].weight = *weight;
  }
  return true;
}

bool read_aggregate(CommandContext& c, std::string_view word, AlgebraRequest& request) {
  if (is_option(word, "SUM")) {
    request.aggregate = Aggregate::kSum;
  } else if (is_option(word, "MIN")) {
    request.aggregate = Aggregate::kMin;
  } else if (is_option(word, "MAX")) {
    request.aggregate = Aggregate::kMax;
  } else {
    c.reply.error(kSyntaxError);
    return false;
  }
  return true;
}

bool read_limit(CommandContext& c, std::string_view word, AlgebraRequest& request) {
  const auto limit = parse_int64(word);
  if (limit && *limit >= 0) {
    request.limit = static_cast<uint64_t>(*limit);
    return true;
  }
  c.reply.error("ERR LIMIT can't be negative");
  return false;
}

bool read_options(CommandContext& c, size_t first, AlgebraRequest& request) {
  const bool merges = request.operation != Operation::kDifference && request.want != Want::kSize;
  for (size_t i = first; i < c.args.size(); i++) {
    const std::string_view word = c.args[i];
    const size_t left = c.args.size() - i - 1;
    if (merges && left >= request.sources.size() && is_option(word, "WEIGHTS")) {
      if (!read_weights(c, i + 1, request)) return false;
      i += request.sources.size();
    } else if (merges && left >= 1 && is_option(word, "AGGREGATE")) {
      if (!read_aggregate(c, c.args[++i], request)) return false;
    } else if (request.want == Want::kMembers && is_option(word, "WITHSCORES")) {
      request.with_scores = true;
    } else if (request.want == Want::kSize && left >= 1 && is_option(word, "LIMIT")) {
      if (!read_limit(c, c.args[++i], request)) return false;
    } else {
      c.reply.error(kSyntaxError);
      return false;
    }
  }
  return true;
}

AlgebraResult op_algebra(CommandContext& c, AlgebraRequest& request) {
  switch (request.operation) {
    case Operation::kUnion:
      return union_of(request.sources, request.aggregate, c.keyspace.hash_seed());
    case Operation::kIntersection:
      return intersection_of(request.sources, request.aggregate);
    case Operation::kDifference:
      break;
  }
  return difference_of(request.sources);
}

void reply_result(CommandContext& c, const AlgebraResult& result, bool with_scores) {
  const PairForm form = pair_form(c);
  with_scores ? reply_pairs_head(c, result.items().size(), form) : c.reply.array(result.items().size());
  for (const auto& [member, score] : result.items()) {
    with_scores ? reply_pair(c, {store::StringView(member), score}, form) : c.reply.bulk(member);
  }
}

std::string_view store_event(Operation operation) {
  return operation == Operation::kUnion          ? "zunionstore"
         : operation == Operation::kIntersection ? "zinterstore"
                                                 : "zdiffstore";
}

void do_algebra(CommandContext& c, AlgebraRequest request) {
  const size_t numkeys_at = request.want == Want::kStored ? 2 : 1;
  if (!read_sources(c, numkeys_at, request)) return;
  if (!read_options(c, numkeys_at + 1 + request.sources.size(), request)) return;
  if (request.want == Want::kSize) {
    return c.reply.integer(static_cast<int64_t>(intersection_size(request.sources, request.limit)));
  }
  const AlgebraResult result = op_algebra(c, request);
  if (request.want == Want::kMembers) return reply_result(c, result, request.with_scores);
  MembersToStore members;
  members.reserve(result.items().size());
  for (const auto& [member, score] : result.items()) members.add(store::StringView(member), score);
  members.store(c, c.args[1], store_event(request.operation));
}

void cmd_zunion(CommandContext& c) {
  do_algebra(c, {Operation::kUnion, Want::kMembers});
}

void cmd_zunionstore(CommandContext& c) {
  do_algebra(c, {Operation::kUnion, Want::kStored});
}

void cmd_zinter(CommandContext& c) {
  do_algebra(c, {Operation::kIntersection, Want::kMembers});
}

void cmd_zinterstore(CommandContext& c) {
  do_algebra(c, {Operation::kIntersection, Want::kStored});
}

void cmd_zintercard(CommandContext& c) {
  do_algebra(c, {Operation::kIntersection, Want::kSize});
}

void cmd_zdiff(CommandContext& c) {
  do_algebra(c, {Operation::kDifference, Want::kMembers});
}

void cmd_zdiffstore(CommandContext& c) {
  do_algebra(c, {Operation::kDifference, Want::kStored});
}

constexpr std::string_view kUnionComplexity = "O(N) + O(M log M) for N members of all sets, M of the result";
constexpr std::string_view kInterComplexity =
    "O(N K) + O(M log M) for N members of the smallest of K sets, M of the result";
constexpr std::string_view kDiffComplexity =
    "O(N K) + O(M log M) for N members of the first of K sets, M of the result";

constexpr KeySpec kReadKeys[] = {
    {.range = {1, 0, 1}, .flags = kKeyRO | kKeyAccess, .search = KeySearch::kCounted},
};
constexpr KeySpec kStoreKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyOW | kKeyUpdate},
    {.range = {2, 0, 1}, .flags = kKeyRO | kKeyAccess, .search = KeySearch::kCounted},
};

constexpr CommandSpec reading(std::string_view name, std::string_view since, std::string_view complexity,
                              std::string_view summary, std::string_view syntax, Handler handler) {
  return {.name = name,
          .arity = -3,
          .flags = kReadonly | kMovableKeys,
          .group = "sorted-set",
          .since = since,
          .complexity = complexity,
          .summary = summary,
          .syntax = syntax,
          .handler = handler,
          .categories = "@sortedset",
          .key_specs = kReadKeys};
}

constexpr CommandSpec storing(std::string_view name, std::string_view since, std::string_view complexity,
                              std::string_view summary, std::string_view syntax, Handler handler) {
  return {.name = name,
          .arity = -4,
          .flags = kWrite | kDenyOom | kMovableKeys,
          .keys = kOneKey,
          .group = "sorted-set",
          .since = since,
          .complexity = complexity,
          .summary = summary,
          .syntax = syntax,
          .handler = handler,
          .categories = "@sortedset",
          .key_specs = kStoreKeys};
}

constexpr CommandSpec kSpecs[] = {
    reading("zunion", "6.2.0", kUnionComplexity, "Replies with the members of all of some sorted sets together.",
            "numkeys:integer key ... [WEIGHTS weight:integer ...] [AGGREGATE <aggregate= SUM | MIN | MAX>] "
            "[WITHSCORES]",
            cmd_zunion),
    reading("zinter", "6.2.0", kInterComplexity, "Replies with the members that some sorted sets have in common.",
            "numkeys:integer key ... [WEIGHTS weight:integer ...] [AGGREGATE <aggregate= SUM | MIN | MAX>] "
            "[WITHSCORES]",
            cmd_zinter),
    reading("zdiff", "6.2.0", kDiffComplexity,
            "Replies with the members of the first of some sorted sets that no other one has.",
            "numkeys:integer key ... [WITHSCORES]", cmd_zdiff),
    reading("zintercard", "7.0.0", "O(N K) for N members of the smallest of K sets",
            "Counts the members that some sorted sets have in common.", "numkeys:integer key ... [LIMIT limit:integer]",
            cmd_zintercard),
    storing("zunionstore", "2.0.0", kUnionComplexity, "Makes a sorted set of the members of all of some together.",
            "destination:key numkeys:integer key ... [WEIGHTS weight:integer ...] "
            "[AGGREGATE <aggregate= SUM | MIN | MAX>]",
            cmd_zunionstore),
    storing("zinterstore", "2.0.0", kInterComplexity, "Makes a sorted set of the members that some have in common.",
            "destination:key numkeys:integer key ... [WEIGHTS weight:integer ...] "
            "[AGGREGATE <aggregate= SUM | MIN | MAX>]",
            cmd_zinterstore),
    storing("zdiffstore", "6.2.0", kDiffComplexity,
            "Makes a sorted set of the members of the first of some that no other one has.",
            "destination:key numkeys:integer key ...", cmd_zdiffstore),
};

}  // namespace

std::span<const CommandSpec> sorted_set_algebra_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
