// GET /api/snapshot: what the page shows. Event loop only.
//
// The document is described in docs/OBSERVABILITY.md. Sizes are bytes, times milliseconds unless a name says otherwise;
// what was not measured is null.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cowslip::server {

class Server;

struct SnapshotQuery {
  std::optional<uint64_t> id;       // of the save to show; otherwise the one at work or the last
  std::optional<int64_t> after_ms;  // leaves out points of its timeline up to this one
};
// Empty: one of the two is no number. Both may be empty texts.
std::optional<SnapshotQuery> parse_snapshot_query(std::string_view id, std::string_view after);

// `read_only`: why nobody may start or stop a save here; empty: one may.
std::string snapshot_json(Server& server, const SnapshotQuery& query, std::string_view read_only);

// {"message": words}
std::string json_message(std::string_view words);

}  // namespace cowslip::server
