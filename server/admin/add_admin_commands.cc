#include "server/admin/admin_families.h"
#include "server/server.h"

namespace cowslip::server {

void add_admin_commands(commands::CommandTable& table) {
  table.add(acl_commands());
  table.add(config_commands());
  table.add(debug_commands());
  table.add(dump_commands());
  table.add(info_commands());
  table.add(latency_commands());
  table.add(memory_commands());
  table.add(slowlog_commands());
  table.add(snapshot_commands());
}

}  // namespace cowslip::server
