#include "server/server_families.h"

#include "server/server.h"

namespace cowslip::server {

void add_server_commands(commands::CommandTable& table) {
  table.add(client_commands());
  table.add(session_commands());
  table.add(lifecycle_commands());
  table.add(sync_commands());
}

}  // namespace cowslip::server
