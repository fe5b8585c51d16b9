// INFO.
#include "server/admin/admin_families.h"
#include "server/info.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using namespace commands;

void cmd_info(CommandContext& c) {
  c.reply.verbatim(make_info(server_of(c), c.args.subspan(1)));
}

constexpr CommandSpec kSpecs[] = {
    {.name = "info",
     .arity = -1,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Reports the server's condition and what it has counted.",
     .syntax = "[section ...]",
     .handler = cmd_info,
     .categories = "@dangerous",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special"},
};

}  // namespace

std::span<const CommandSpec> info_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
