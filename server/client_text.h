// A client as a line of text: CLIENT LIST, CLIENT INFO, and log lines about a client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/connection.h"

namespace cowslip::server {

// CLIENT LIST TYPE and CLIENT KILL TYPE. A monitor is a normal client.
enum class ClientType { kNormal, kReplica, kPubSub, kMaster };
std::optional<ClientType> parse_client_type(std::string_view name);  // any case; "slave" is a replica
ClientType client_type_of(const Connection& connection);

// "id=3 addr=127.0.0.1:52555 laddr=... lib-ver=", without a line break. `now_ms` is monotonic.
std::string client_line(const Connection& connection, int64_t now_ms);
// "N", "S", "Ox" ...: the flags field.
std::string client_flags(const Connection& connection);

}  // namespace cowslip::server
