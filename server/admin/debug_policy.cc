#include "server/admin/debug_policy.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "commands/arguments.h"
#include "memory/chunk_pool.h"

namespace cowslip::server {
namespace {

using memory::Policy;

constexpr Policy kAll[] = {Policy::kHugePages, Policy::kFreshWrites, Policy::kDismissal, Policy::kUnsharedIndex};
static_assert(std::size(kAll) == memory::kPolicies);

std::optional<Policy> policy_named(std::string_view text) {
  for (const Policy policy : kAll) {
    if (commands::is_option(text, memory::name(policy))) return policy;
  }
  return {};
}

void reply_all(commands::CommandContext& c) {
  c.reply.map(memory::kPolicies);
  for (const Policy policy : kAll) {
    c.reply.bulk(memory::name(policy));
    c.reply.integer(c.keyspace.chunks().policy(policy));
  }
}

}  // namespace

void debug_snapshot_policy(commands::CommandContext& c) {
  if (c.args.size() == 2) return reply_all(c);
  const auto policy = policy_named(c.args[2]);
  if (!policy) {
    return c.reply.error("ERR unknown policy, there are huge-pages, fresh-writes, dismissal and unshared-index");
  }
  if (c.args.size() == 3) return c.reply.integer(c.keyspace.chunks().policy(*policy));
  if (c.args[3] != "0" && c.args[3] != "1") return c.reply.error("ERR a policy is switched off with 0, on with 1");
  if (const Status set = c.keyspace.set_policy(*policy, c.args[3] == "1"); !set) {
    return c.reply.error("ERR " + set.error().message);
  }
  c.reply.ok();
}

}  // namespace cowslip::server
